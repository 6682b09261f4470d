// The editor: the rule that is chosen, variables at the cursor, drafts saved while one writes.
(() => {
  const form = document.getElementById('editor')
  if (!form) return
  const rule = form.querySelector('[data-rules]')
  const show = () => { for (const part of form.querySelectorAll('[data-rule]')) part.hidden = part.dataset.rule !== rule.value }
  rule.addEventListener('change', show)
  show()
  const changed = field => field.dispatchEvent(new Event('input', { bubbles: true }))
  form.addEventListener('click', event => {
    const button = event.target.closest('[data-inserts]')
    if (!button) return
    const area = document.getElementById(button.dataset.inserts)
    area.setRangeText(button.dataset.code, area.selectionStart, area.selectionEnd, 'end')
    area.focus()
    changed(area)
  })
  // A room of the audience is picked: the bubbles are its own.
  document.addEventListener('click', event => {
    const button = event.target.closest('[data-previews]')
    if (!button) return
    form.elements.room.value = button.dataset.previews
    changed(form.elements.room)
  })

  // Pictures: uploaded at once, then chosen like any other.
  const showPicture = select => {
    const shown = document.getElementById(select.dataset.shows)
    shown.hidden = !select.value
    if (select.value) shown.src = `/pictures/${encodeURIComponent(select.value)}`
  }
  form.addEventListener('change', async event => {
    if (event.target.matches('[data-shows]')) showPicture(event.target)
    const input = event.target.closest('[data-uploads]')
    if (!input?.files.length) return
    const told = document.getElementById(input.getAttribute('aria-describedby'))
    const body = new FormData()
    body.append('file', input.files[0])
    const answer = await fetch('/pictures', { method: 'POST', headers: { 'hx-request': 'true' }, body })
    input.value = ''
    if (!answer.ok) {
      const said = answer.headers.get('hx-trigger')
      told.textContent = said ? JSON.parse(said).toast.text : answer.status
      return
    }
    const { name } = await answer.json()
    told.textContent = name
    for (const select of form.querySelectorAll('[data-shows]')) {
      if (![...select.options].some(option => option.value === name)) select.add(new Option(name, name))
    }
    const select = document.getElementById(input.dataset.uploads)
    select.value = name
    showPicture(select)
    changed(select)
  })

  // A new series that was never saved stays in this browser until it is saved or given up.
  const place = form.dataset.keeps
  if (place) {
    const kept = localStorage.getItem(place)
    const notice = document.getElementById('kept')
    notice.hidden = !kept || Boolean(form.querySelector('[name=name]').value)
    notice.addEventListener('click', event => {
      if (event.target.closest('[data-restores]')) {
        const again = document.createElement('form')
        again.method = 'post'
        again.action = form.action
        for (const [name, value] of [...JSON.parse(kept), ['do', 'again']]) again.append(Object.assign(document.createElement('input'), { type: 'hidden', name, value }))
        document.body.append(again)
        again.submit()
      }
      if (event.target.closest('[data-forgets]')) {
        localStorage.removeItem(place)
        notice.hidden = true
      }
    })
    form.addEventListener('input', () => {
      localStorage.setItem(place, JSON.stringify([...new FormData(form)].filter(([, value]) => typeof value === 'string')))
    })
    form.addEventListener('submit', event => {
      if (event.submitter?.name !== 'do') sessionStorage.setItem(place, form.elements.key.value)
    })
  } else if (sessionStorage.getItem('qunyun-new-series') === decodeURIComponent(location.pathname.split('/').pop())) {
    sessionStorage.removeItem('qunyun-new-series')
    localStorage.removeItem('qunyun-new-series')
  }
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
