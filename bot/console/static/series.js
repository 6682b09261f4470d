// The editor: the rule that is chosen, variables at the cursor, drafts saved while one writes.
(() => {
  const form = document.getElementById('editor')
  if (!form) return
  const rule = form.querySelector('[data-rules]')
  const show = () => { for (const part of form.querySelectorAll('[data-rule]')) part.hidden = part.dataset.rule !== rule.value }
  rule.addEventListener('change', show)
  show()
  form.addEventListener('click', event => {
    const button = event.target.closest('[data-inserts]')
    if (!button) return
    const area = document.getElementById(button.dataset.inserts)
    area.setRangeText(`{{ ${button.dataset.name} }}`, area.selectionStart, area.selectionEnd, 'end')
    area.focus()
    area.dispatchEvent(new Event('input', { bubbles: true }))
  })
  const address = form.dataset.autosave
  const status = document.getElementById('autosaved')
  let waiting = 0
  let saving = false
  const save = async () => {
    if (saving) { waiting = setTimeout(save, 1000); return }
    saving = true
    try {
      const answer = await fetch(address, { method: 'POST', body: new URLSearchParams(new FormData(form)) })
      const found = await answer.json()
      if (answer.ok) {
        form.elements.version.value = found.version
        form.elements.base.value = found.base
        for (const field of document.querySelectorAll('form:not(#editor) input[name=version]')) field.value = found.version
        const names = [...form.querySelectorAll('[name=step_name]')].map(each => each.value)
        form.querySelectorAll('[name=step_was]').forEach((each, place) => { each.value = names[place] })
      }
      status.textContent = found.told
    } finally { saving = false }
  }
  if (address) form.addEventListener('input', () => { clearTimeout(waiting); waiting = setTimeout(save, 2000) })
})()
