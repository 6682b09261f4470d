// Rows that are ticked: how many, all of the page, a stretch with Shift, every one of the filters.
(() => {
  // A question about one of many: [data-fills] is what its fields hold, [data-posts] where it goes,
  // [data-says] what it is about.
  document.addEventListener('click', event => {
    const opener = event.target.closest('[data-fills], [data-posts]')
    if (!opener) return
    const dialog = document.getElementById(opener.dataset.opens)
    for (const [name, value] of Object.entries(JSON.parse(opener.dataset.fills || '{}'))) dialog.querySelector(`[name=${name}]`).value = value
    if (opener.dataset.posts) dialog.querySelector('form').action = opener.dataset.posts
    const said = dialog.querySelector('[data-said]')
    if (said) said.textContent = opener.dataset.says
  })

  const form = document.getElementById('chosen')
  const bar = document.querySelector('[data-chosen-bar]')
  if (!form) return
  const boxes = () => [...document.querySelectorAll('input[data-choice]')]
  const everything = document.querySelector('[data-chooses-everything]')
  let last = null

  const show = () => {
    const all = boxes()
    const ticked = all.filter(box => box.checked).length
    const number = everything?.checked ? Number(form.dataset.total) : ticked
    for (const each of document.querySelectorAll('[data-chosen-count]')) each.textContent = number.toLocaleString()
    const head = document.querySelector('[data-chooses-all]')
    if (head) {
      head.checked = ticked > 0 && ticked === all.length
      head.indeterminate = ticked > 0 && ticked < all.length
    }
    if (bar) bar.hidden = number === 0
    // Buttons that make sense for some states only: data-needs="failed uncertain".
    for (const button of document.querySelectorAll('[data-needs]')) {
      const needs = button.dataset.needs.split(' ')
      button.hidden = !all.some(box => box.checked && needs.includes(box.dataset.state))
    }
  }

  document.addEventListener('click', event => {
    if (event.target.matches('input[data-choice]')) {
      const all = boxes()
      if (event.shiftKey && last && all.includes(last)) {
        const [from, to] = [all.indexOf(last), all.indexOf(event.target)].sort((a, b) => a - b)
        for (const box of all.slice(from, to + 1)) box.checked = event.target.checked
      }
      last = event.target
    }
    if (event.target.closest('[data-chooses-none]')) {
      for (const box of boxes()) box.checked = false
      if (everything) everything.checked = false
      show()
    }
  })
  document.addEventListener('change', event => {
    if (event.target.matches('[data-chooses-all]')) {
      for (const box of boxes()) box.checked = event.target.checked
    }
    if (event.target.matches('[data-choice], [data-chooses-all]') && everything) everything.checked = false
    show()
  })
  // Enter in a question means its yes, not the first button of the form.
  document.addEventListener('keydown', event => {
    if (event.key !== 'Enter' || event.isComposing || !event.target.matches('[data-enters]')) return
    event.preventDefault()
    event.target.closest('dialog').querySelector('button[name=action]').click()
  })
  // While something is ticked or asked, the list under it stands still.
  document.body.addEventListener('htmx:before:request', event => {
    const part = event.detail.ctx?.sourceElement ?? event.target
    if (!part.querySelector?.('input[data-choice]')) return
    if (part.querySelector('input[data-choice]:checked') || document.querySelector('dialog[open]')) event.preventDefault()
  })
  document.body.addEventListener('htmx:after:swap', show)
  // The browser may bring ticks back with the page.
  addEventListener('pageshow', show)
  show()
})()
