// A real puppet-service gateway on loopback with a simulated community behind it.
//
//   node server.mjs --rooms 3 --members 5 --token secret --port 0 --control 0 --first 1 [--journal FILE]
//
// One JSON line on standard output says when it is ready, with both ports. The community is
// driven over the control port: POST /<command> with a JSON body, a JSON answer (`commands` below).
// With a journal, what was said, sent and echoed, or not, is on disk at once, so that it outlives a SIGKILL.
// Several of them play one platform where each has its own account (--me) and its own rooms (--offset).
// It ends when standard input closes, so that it never outlives the test that started it.

import { createHash } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { parseArgs } from 'node:util'

import { types } from 'wechaty-puppet'
import { PuppetMock, mock } from 'wechaty-puppet-mock'
import { PuppetServer } from 'wechaty-puppet-service'

const { values: options } = parseArgs({
  options: {
    rooms: { type: 'string', default: '3' },
    members: { type: 'string', default: '5' },
    token: { type: 'string', default: 'puppet_test_token' },
    port: { type: 'string', default: '0' },
    control: { type: 'string', default: '0' },
    first: { type: 'string', default: '1' },
    offset: { type: 'string', default: '0' },
    me: { type: 'string', default: 'wxid_bot' },
    journal: { type: 'string' },
  },
})

const ME = options.me
const OFFSET = Number(options.offset)
// slow: seconds before an answer; late: echoes come within so many seconds, in any order, answered or not.
// unanswered and lost: shares of posts without an answer, and of echoes that never come, drawn from the seed.
// cards: false means that no link tells its title and address.
const usual = { refuse: null, slow: 0, unanswered: 0, echo: true, late: 0, lost: 0, seed: 1, cards: true }
const behaviour = { ...usual }
const recalled = new Set()
const links = new Map()
let sent = []
let attempts = 0
let nextMessage = Number(options.first)

class Gateway extends PuppetMock {
  // The stock mock answers no id and echoes through random contacts; a real puppet names what it sent.
  async messageSendText (room, text, mentions = []) {
    return post(room, { text, mentions, type: types.Message.Text }, { text })
  }

  async messageSendFile (room, file) {
    const content = await file.toBuffer()
    const image = { name: file.name, size: content.length, sha256: createHash('sha256').update(content).digest('hex') }
    return post(room, { text: '', mentions: [], type: types.Message.Image }, { image })
  }

  async messageSendUrl (room, link) {
    return post(room, { text: link.title, mentions: [], type: types.Message.Url }, { link })
  }

  async messageSendMiniProgram (room, miniProgram) {
    // Puppets put WeChat's XML where the text of a card would be.
    const text = '<msg><appmsg><type>33</type></appmsg></msg>'
    return post(room, { text, mentions: [], type: types.Message.MiniProgram }, { mini_program: miniProgram })
  }

  async messageRecall (id) {
    if (!id || recalled.has(id) || !mocker.cacheMessagePayload.has(id)) { return false }
    recalled.add(id)
    const { roomId } = mocker.cacheMessagePayload.get(id)
    utter({ room: roomId, sender: ME, type: types.Message.Recalled, text: id })
    return true
  }

  async messageUrl (id) {
    if (!behaviour.cards) { throw new Error('not a card') }
    return links.get(id) ?? { title: mocker.cacheMessagePayload.get(id).text, url: 'https://example.com/' + id }
  }
}

const mocker = new mock.Mocker()
const puppet = new Gateway({ mocker })
// Some clients stop and start the puppet: the account must come back at each start.
mocker.use(() => {
  puppet.login(ME)
  return () => puppet.logout('stopped')
})

async function post (room, { text, mentions, type }, seen) {
  attempts++
  if (behaviour.refuse) {
    await seconds(behaviour.slow)
    throw new Error(behaviour.refuse)
  }
  mocker.RoomMock.load(room)
  const id = newId()
  sent.push({ id, room, text: '', mentions, ...seen })
  if (seen.link) { links.set(id, seen.link) }
  note({ sent: id, room, ...seen })
  const late = behaviour.late
  const isLost = draw() < behaviour.lost
  const echo = () => {
    if (!behaviour.echo) { return }
    note({ [isLost ? 'lost' : 'echoed']: id, room, text })
    if (!isLost) { utter({ id, room, sender: ME, text, mentions, type }) }
  }
  if (late) { seconds(draw() * late).then(echo) }
  if (draw() < behaviour.unanswered) { await new Promise(() => {}) }
  await seconds(behaviour.slow)
  if (!late) { setImmediate(echo) }
  return id
}

async function seconds (number) {
  if (number) { await new Promise(resolve => setTimeout(resolve, number * 1000)) }
}

// A number in [0, 1) that the seed decides (Lehmer's generator with the constants of Park and Miller).
function draw () {
  behaviour.seed = behaviour.seed * 48271 % 2147483647
  return behaviour.seed / 2147483647
}

function utter ({ id = newId(), room, sender, text = '', mentions = [], type = types.Message.Text, at = Date.now(), stored = true }) {
  const payload = { id, roomId: room, talkerId: sender, text, mentionIdList: mentions, type, timestamp: at }
  if (stored) { mocker.MessageMock.create(payload) }
  if (sender !== ME) { note({ said: id, room, text }) }
  puppet.emit('message', { messageId: id })
  return id
}

function note (line) {
  if (options.journal) { appendFileSync(options.journal, JSON.stringify({ ...line, at: Date.now() }) + '\n') }
}

function newId () { return `m${nextMessage++}` }

function person ({ id, name = id }) {
  if (!mocker.cacheContactPayload.has(id)) {
    mocker.createContact({ id, name, avatar: '', phone: [], friend: false })
  }
  return mocker.ContactMock.load(id)
}

function community () {
  const me = person({ id: ME, name: '群运助手' })
  return Array.from({ length: Number(options.rooms) }, (_, index) => {
    const r = OFFSET + index
    const members = Array.from({ length: Number(options.members) },
      (_, m) => person({ id: `wxid_${r + 1}_${m + 1}`, name: `成员${r + 1}-${m + 1}` }))
    const ids = [me, ...members].map(contact => contact.id)
    mocker.createRoom({ id: `room${r + 1}@chatroom`, topic: `测试 ${r + 1} 群`, avatar: '', ownerId: ids[1], memberIdList: ids })
    return `room${r + 1}@chatroom`
  })
}

const commands = {
  // type: a name of wechaty's Message enum or a number; stored: false announces a message nobody can load.
  say: ({ type, ...rest }) => ({ id: utter({ ...rest, type: types.Message[type] ?? type }) }),
  // n messages over R rooms, in turn from room `start` on; the text of each is its number in its room, or one of `texts`.
  burst: ({ messages, rooms, start = 0, texts }) => {
    for (let i = 0; i < messages; i++) {
      const room = OFFSET + (start + i) % rooms + 1
      const turn = Math.floor(i / rooms)
      const text = texts ? texts[i % texts.length] : String(turn)
      utter({ room: `room${room}@chatroom`, sender: `wxid_${room}_${turn % Number(options.members) + 1}`, text })
    }
    return { messages }
  },
  join: ({ room, people }) => { mocker.RoomMock.load(room).add(...people.map(person)).by(person({ id: ME })) },
  leave: ({ room, people }) => { mocker.RoomMock.load(room).remove(...people.map(person)).by(person({ id: ME })) },
  topic: ({ room, topic }) => { mocker.RoomMock.load(room).topic(topic).by(person({ id: ME })) },
  logout: async ({ reason }) => { await puppet.logout(reason) },
  login: () => { puppet.login(ME) },
  scan: ({ qrcode }) => { mocker.scan(qrcode) },
  behave: wanted => Object.assign(behaviour, wanted),
  sent: () => sent,
  attempts: () => ({ sends: attempts }),
  // The community and the account as they were at the start; message ids go on counting.
  reset: async () => {
    sent = []
    attempts = 0
    Object.assign(behaviour, usual)
    for (const room of founding) {
      Object.assign(mocker.roomPayload(room.id), structuredClone(room))
      await puppet.dirtyPayload(types.Dirty.Room, room.id)
    }
    if (!puppet.isLoggedIn) { puppet.login(ME) }
  },
  exit: () => { setImmediate(() => process.exit(0)) },
}

async function answer (request, response) {
  let body = ''
  try {
    for await (const chunk of request) { body += chunk }
  } catch {
    // Whoever asked has gone.
    return
  }
  const command = commands[request.url.slice(1)]
  try {
    const result = await command(JSON.parse(body || '{}'))
    response.end(JSON.stringify(result ?? {}))
  } catch (error) {
    response.statusCode = 400
    response.end(JSON.stringify({ error: error.message }))
  }
}

async function freePort () {
  const probe = net.createServer()
  await new Promise(resolve => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address()
  await new Promise(resolve => probe.close(resolve))
  return port
}

const rooms = community()
const founding = rooms.map(id => structuredClone(mocker.roomPayload(id)))
const port = Number(options.port) || await freePort()
const server = new PuppetServer({ endpoint: `127.0.0.1:${port}`, puppet, token: options.token, tls: { disable: true } })
const loggedIn = new Promise(resolve => puppet.once('login', resolve))
await server.start()
await puppet.start()
await loggedIn

const control = http.createServer(answer)
await new Promise(resolve => control.listen(Number(options.control), '127.0.0.1', resolve))
process.stdin.on('end', () => process.exit(0)).resume()
console.info(JSON.stringify({ port, control: control.address().port, rooms, me: ME }))
