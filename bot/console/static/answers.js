// Questions by keyboard: j and k walk through the list, r goes to the answer, Ctrl Enter sends it.
(() => {
  let before = ''
  document.addEventListener('keydown', event => {
    const form = document.querySelector('[data-answers]')
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && form?.contains(event.target)) {
      event.preventDefault()
      form.requestSubmit(form.querySelector('.btn-primary'))
      return
    }
    // "g r" leads to another page.
    const going = before === 'g'
    before = event.key
    if (going || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
    if (event.target.closest('input, textarea, select, dialog')) return
    if (event.key === 'r' && form) {
      event.preventDefault()
      form.querySelector('textarea').focus()
      return
    }
    const rows = [...document.querySelectorAll('[data-row]')]
    const step = { j: 1, k: -1 }[event.key]
    if (!step || !rows.length) return
    const here = rows.indexOf(document.activeElement)
    const next = here < 0 ? (step > 0 ? 0 : rows.length - 1) : here + step
    rows[Math.min(Math.max(next, 0), rows.length - 1)].focus()
  })
})()
