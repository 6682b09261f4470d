// Before the page is painted: the theme that was chosen here, else the system's.
(() => {
  const dark = matchMedia('(prefers-color-scheme: dark)')
  const chosen = () => localStorage.getItem('theme') || (dark.matches ? 'dark' : 'light')
  const show = () => document.documentElement.setAttribute('data-bs-theme', chosen())
  show()
  dark.addEventListener('change', show)
  document.addEventListener('click', event => {
    if (!event.target.closest('[data-toggles-theme]')) return
    localStorage.setItem('theme', chosen() === 'dark' ? 'light' : 'dark')
    show()
  })
})()
