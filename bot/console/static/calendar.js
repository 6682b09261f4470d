// The content calendar: what the server says, drawn by FullCalendar; a drag is the form's own move.
(() => {
  const root = document.getElementById('calendar')
  if (!root) return
  const said = root.dataset
  const place = new URLSearchParams(location.search)
  const small = matchMedia('(max-width: 700px)').matches
  const views = { month: 'dayGridMonth', week: 'timeGridWeek', list: 'listMonth' }
  const named = Object.fromEntries(Object.entries(views).map(([name, view]) => [view, name]))
  const locale = said.language === 'zh' ? 'zh-cn' : 'en'
  let marks = {}
  let conflicts = new Set()
  // What the keyboard is on: drawn anew, it is another element.
  let chosen = null

  // FullCalendar gives wall-clock times as UTC where no zone is named.
  const wall = date => date.toISOString().slice(0, 10)
  const toast = text => document.body.dispatchEvent(new CustomEvent('toast', { detail: { text, kind: 'warning' } }))
  const address = props => `/calendar/${encodeURIComponent(props.key)}/${props.original}`

  const calendar = new FullCalendar.Calendar(root, {
    locale,
    timeZone: 'UTC',
    now: said.now + 'Z',
    initialView: views[place.get('view')] || (small ? views.list : views.month),
    initialDate: place.get('date') || said.today,
    headerToolbar: { left: 'prev,next today', center: 'title', right: 'dayGridMonth,timeGridWeek,listMonth' },
    buttons: {
      prev: { hint: said.earlier }, next: { hint: said.later }, today: { text: said.this },
      dayGridMonth: { text: said.month }, timeGridWeek: { text: said.week }, listMonth: { text: said.list },
    },
    firstDay: 1,
    height: 'auto',
    nowIndicator: true,
    allDaySlot: false,
    slotDuration: '00:30:00',
    slotEventOverlap: false,
    defaultTimedEventDuration: '01:00',
    views: { timeGridWeek: { titleFormat: { year: 'numeric', month: 'long', day: 'numeric' } } },
    eventTimeFormat: { hour: '2-digit', minute: '2-digit', hour12: false },
    dayMaxEvents: 5,
    noEventsText: said.none,
    noEventsContent: said.none,
    editable: said.mayMove === 'yes',
    eventDurationEditable: false,
    eventInteractive: true,
    eventClass: info => {
      const props = info.event.extendedProps
      return `occ kind-${props.kind} occ-${props.state}${props.moved ? ' occ-moved' : ''}${clashes(info.event) ? ' occ-conflict' : ''}`
    },
    eventContent: info => ({ domNodes: words(info) }),
    eventDidMount: info => {
      info.el.title = info.event.extendedProps.said
      info.el.dataset.event = `${info.event.id} ${wall(info.event.start)}`
      if (info.el.dataset.event === chosen) choose(info.el)
      // A list may not hold buttons: it is a group of them.
      const around = info.el.parentElement.closest('[role]')
      if (around?.getAttribute('role') === 'list') around.setAttribute('role', 'group')
    },
    dayCellDidMount: info => mark(info.el, info.date),
    eventClick: info => {
      info.jsEvent.preventDefault()
      look(info.event.extendedProps)
    },
    eventDrop: info => drop(info),
    loading: busy => root.setAttribute('aria-busy', busy),
    datesSet: info => {
      place.set('view', named[info.view.type])
      place.set('date', wall(info.view.currentStart))
      history.replaceState(null, '', `?${place}`)
    },
    events: async (info, done, failed) => {
      const asked = new URLSearchParams(location.search)
      asked.delete('view')
      asked.delete('date')
      asked.set('start', wall(info.start))
      asked.set('end', wall(info.end))
      try {
        const answer = await fetch(`/calendar/feed?${asked}`)
        if (!answer.ok) throw new Error(answer.status)
        const found = await answer.json()
        marks = found.days
        beginAt(found.events)
        done(found.events)
        remark()
      } catch (error) {
        toast(said.away)
        failed(error)
      }
    },
  })

  // Whoever works without a mouse stays where they were, unless they went elsewhere meanwhile.
  function choose (element) {
    const placed = new MutationObserver(() => {
      const wanted = element.isConnected && element.dataset.event === chosen && document.activeElement === document.body
      if (wanted) element.focus()
      if (!wanted || document.activeElement === element) placed.disconnect()
    })
    // It is hidden until it has its place, and what is hidden takes no focus.
    placed.observe(root, { attributes: true, attributeFilter: ['style'], subtree: true })
  }
  root.addEventListener('focusin', ({ target }) => { chosen = target.closest('[data-event]')?.dataset.event ?? null })
  document.addEventListener('pointerdown', () => { chosen = null })

  // A week begins with its first post, at eight at the latest: nothing hides above.
  function beginAt (events) {
    const first = events.reduce((hour, event) => Math.min(hour, Number(event.start.slice(11, 13))), 8)
    calendar.setOption('slotMinTime', `${String(first).padStart(2, '0')}:00:00`)
  }

  // The time and the whole name: which step it is matters where a series has several.
  function words (info) {
    const props = info.event.extendedProps
    const parts = [
      ['occ-time', info.timeText], ['occ-name', props.name], ['occ-step', props.only ? '' : props.step],
      ['occ-reach', info.view.type.startsWith('list') ? props.reach : ''],
    ]
    return parts.filter(([, text]) => text).map(([name, text]) => {
      const part = document.createElement('span')
      part.className = name
      part.textContent = text
      return part
    })
  }

  function clashes (event) {
    const props = event.extendedProps
    return conflicts.has(`${props.key}|${event.id.split('|').pop()}|${wall(event.start)}`)
  }

  // Holidays and make-up days stand in the corner of their day.
  function mark (cell, date) {
    cell.dataset.day = wall(date)
    dress(cell)
  }
  function dress (cell) {
    cell.querySelector('.day-marks')?.remove()
    // A day is called what it shows, its number with it.
    cell.removeAttribute('aria-label')
    cell.querySelector('[aria-hidden="true"]')?.removeAttribute('aria-hidden')
    const found = marks[cell.dataset.day]
    cell.classList.toggle('is-holiday', found?.kind === 'holiday')
    if (!found || !cell.closest('#calendar')) return
    const line = document.createElement('span')
    line.className = 'day-marks'
    if (found.word) {
      const word = document.createElement('span')
      word.className = `day-mark day-${found.kind}`
      word.textContent = found.word
      line.append(word)
    }
    if (found.name) line.append(found.name)
    cell.prepend(line)
  }
  function remark () { for (const cell of root.querySelectorAll('[data-day]')) dress(cell) }

  // A panel beside the calendar; without JavaScript it is a page of its own.
  const panel = document.getElementById('occurrence-panel')
  async function look (props) {
    const answer = await fetch(address(props))
    const text = await answer.text()
    const found = new DOMParser().parseFromString(text, 'text/html').getElementById('occurrence')
    if (!found) return toast(said.away)
    document.getElementById('occurrence-here').replaceChildren(found)
    panel.showModal()
  }
  panel.addEventListener('click', event => { if (event.target === panel) panel.close() })

  async function drop (info) {
    const props = info.event.extendedProps
    const shift = Math.round((Date.parse(wall(info.event.start)) - Date.parse(wall(info.oldEvent.start))) / 864e5)
    // The time of day belongs to the series: only the date can be dragged.
    if (!shift) return info.revert()
    const to = new Date(Date.parse(props.date) + shift * 864e5)
    const answer = await fetch(`${address(props)}/move`, {
      method: 'POST',
      headers: { 'hx-request': 'true', 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ to: wall(to), version: props.version }),
    })
    if (answer.ok) return location.assign(answer.headers.get('hx-redirect') || location.href)
    info.revert()
    // What was asked for meanwhile stands beside what revert brought back.
    calendar.refetchEvents()
    const told = answer.headers.get('hx-trigger')
    toast(told ? JSON.parse(told).toast.text : said.failed)
  }

  calendar.render()
  document.body.addEventListener('changed-series', () => calendar.refetchEvents())

  // The dry run comes later: what it finds is marked in the calendar too.
  const found = document.getElementById('conflicts')
  new MutationObserver(() => {
    const now = new Set([...found.querySelectorAll('[data-conflict]')].map(row => row.dataset.conflict))
    // Drawing anew what is the same would take it from under a hand.
    if (now.size === conflicts.size && [...now].every(conflict => conflicts.has(conflict))) return
    conflicts = now
    calendar.render()
    calendar.refetchEvents()
  }).observe(found, { childList: true })

  const scheme = () => calendar.setOption('colorScheme', document.documentElement.dataset.bsTheme)
  new MutationObserver(scheme).observe(document.documentElement, { attributes: true, attributeFilter: ['data-bs-theme'] })
  scheme()
})()
