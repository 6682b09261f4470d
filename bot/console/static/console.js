// What every page does without asking the server: dialogs, keys, toasts, and the stream of changes.
(() => {
  // Dialogs: [data-opens=ID], [data-closes]
  document.addEventListener('click', event => {
    const opener = event.target.closest('[data-opens]')
    if (opener) {
      const dialog = document.getElementById(opener.dataset.opens)
      dialog.showModal()
      dialog.querySelector('input:not([type=hidden]), textarea, select')?.focus()
    }
    if (event.target.closest('[data-closes]')) event.target.closest('dialog').close()
    if (event.target.closest('[data-dismisses]')) event.target.closest('.toast-line').remove()
  })

  // A form is sent once, however often the button is pressed.
  document.addEventListener('submit', event => {
    const form = event.target
    if (form.method === 'get' || event.defaultPrevented) return
    if (form.dataset.sent) return event.preventDefault()
    form.dataset.sent = 'yes'
    addEventListener('pageshow', () => delete form.dataset.sent, { once: true })
  })

  // [data-submits]: a filter that acts as soon as it is changed.
  document.addEventListener('change', event => {
    if (event.target.matches('[data-submits]')) event.target.form.requestSubmit()
  })

  // [data-copies=ID]: the value or text of an element.
  document.addEventListener('click', async event => {
    const button = event.target.closest('[data-copies]')
    if (!button) return
    const source = document.getElementById(button.dataset.copies)
    const text = source.value ?? source.textContent
    try {
      await navigator.clipboard.writeText(text)
    } catch {
      // Without HTTPS the clipboard is closed: select it, so that the keyboard can.
      source.select?.()
      document.execCommand('copy')
    }
    button.textContent = button.dataset.done || button.textContent
  })

  // Toasts: a line that stays long enough to be read, longer where it can be undone.
  const toasts = document.getElementById('toasts')
  const fade = line => setTimeout(() => line.remove(), line.querySelector('form') ? 20000 : 6000)
  for (const line of toasts?.children ?? []) fade(line)
  document.body.addEventListener('toast', event => {
    const line = document.createElement('div')
    line.className = `toast-line toast-${event.detail.kind || 'done'}`
    const text = document.createElement('span')
    text.textContent = event.detail.text
    const close = document.createElement('button')
    close.className = 'toast-close'
    close.textContent = '×'
    close.type = 'button'
    close.dataset.dismisses = ''
    close.setAttribute('aria-label', toasts.dataset.close)
    line.append(text, close)
    toasts.append(line)
    fade(line)
  })

  // Keys: / searches, ? helps, g and a letter goes to a page.
  let going = 0
  document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
    if (event.target.closest('input, textarea, select, [contenteditable], dialog')) return
    if (event.key === '/') {
      const search = document.querySelector('#main input[type=search]') || document.getElementById('search')
      if (search) { event.preventDefault(); search.focus() }
    } else if (event.key === '?') {
      document.getElementById('keys')?.showModal()
    } else if (event.key === 'g') {
      going = Date.now()
    } else if (Date.now() - going < 1500) {
      going = 0
      const link = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`)
      if (link) location.assign(link.href)
    }
  })

  // One stream a page, and only while it is looked at: browsers allow six to a host. It begins
  // where the page, or its last stream, ended.
  const address = document.body.dataset.events
  let seen = document.body.dataset.seen
  let stream = null
  const tell = topic => document.body.dispatchEvent(new CustomEvent(`changed-${topic}`))
  const listen = () => {
    if (!address || stream || document.hidden) return
    stream = new EventSource(`${address}?seen=${encodeURIComponent(seen)}`)
    stream.addEventListener('changed', event => {
      seen = event.lastEventId
      JSON.parse(event.data).forEach(tell)
    })
  }
  const rest = () => { stream?.close(); stream = null }
  document.addEventListener('visibilitychange', () => document.hidden ? rest() : listen())
  addEventListener('pagehide', rest)
  listen()
})()
