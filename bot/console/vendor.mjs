// Copies what the pages load from node_modules into static/vendor, minified where it is not.
import { transformSync } from 'esbuild'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const target = join('static', 'vendor')

const copied = {
  'tabler.css': '@tabler/core/dist/css/tabler.min.css',
  'tabler.js': '@tabler/core/dist/js/tabler.min.js',
  'htmx.js': 'htmx.org/dist/htmx.min.js',
}
const minified = {
  'temporal.js': 'temporal-polyfill/global.js',
  'fullcalendar.js': 'fullcalendar/all/global.js',
  'fullcalendar-theme.js': 'fullcalendar/themes/classic/global.js',
  'fullcalendar-locales.js': 'fullcalendar/locales/zh-cn/global.js',
  'fullcalendar.css': 'fullcalendar/skeleton.css',
  'fullcalendar-theme.css': 'fullcalendar/themes/classic/theme.css',
  'fullcalendar-palette.css': 'fullcalendar/themes/classic/palette.css',
}
const licences = {
  htmx: 'htmx.org/LICENSE',
  fullcalendar: 'fullcalendar/LICENSE.md',
  temporal: 'temporal-polyfill/LICENSE',
}

rmSync(target, { recursive: true, force: true })
for (const [name, source] of Object.entries(copied)) {
  put(name, readFileSync(join('node_modules', source), 'utf8'))
}
for (const [name, source] of Object.entries(minified)) {
  const text = readFileSync(join('node_modules', source), 'utf8')
  const loader = name.endsWith('.css') ? 'css' : 'js'
  put(name, transformSync(text, { loader, minify: true, legalComments: 'inline' }).code)
}
for (const [name, source] of Object.entries(licences)) {
  const place = join(target, 'licences', `${name}.txt`)
  mkdirSync(dirname(place), { recursive: true })
  cpSync(join('node_modules', source), place)
}

function put (name, text) {
  mkdirSync(target, { recursive: true })
  // A map that is not served would be asked for, and missed.
  writeFileSync(join(target, name), text.replace(/\n?(\/\/|\/\*)# sourceMappingURL=.*$/m, ''))
}
