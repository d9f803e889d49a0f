// Checks the rules that keep the architecture visible (ARCHITECTURE.md, "Boundary rules"). Prints every violation.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { projectRoot } from './run_step.mjs'

const LONGEST_FILE = 400
const PURE =
  /(_policy|partitioner|start_position|subscribed_partitions|stream_token|position|feed_start|feed_members|backoff|offset_document|dead_letter_document|stored_letter|letter_filter|letter_query|redrive_schedule|\/assignment|group_document|group_record|group_table|\/watermark|key_lanes|in_flight|caution|running_delivery|inherited_attempts)\.rs$/
const violations = []

const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: projectRoot, encoding: 'utf8' })
  .split('\n')
  .filter(
    (file) => /\.(rs|js|mjs|ts)$/.test(file) && !/^(native\.d\.ts|types\/(config|errors|records)\.d\.ts)$/.test(file),
  )
const sources = new Map(files.map((file) => [file, readFileSync(`${projectRoot}${file}`, 'utf8')]))

for (const [file, text] of sources) {
  const report = (rule, line) => violations.push(`${file}${line ? `:${line}` : ''}: ${rule}`)
  const lines = text.split('\n')
  const reportLines = (pattern, rule) =>
    lines.forEach((line, index) => {
      if (pattern.test(withoutComment(line))) report(rule, index + 1)
    })

  if (lines.length - 1 > LONGEST_FILE) report(`has ${lines.length - 1} lines, more than ${LONGEST_FILE}`)
  if (/^(utils?|common|helpers?|misc)\b/.test(basename(file)) || /\/(utils?|common|helpers?|misc)\//.test(file)) {
    report('is named after nothing in particular; name it after what is in it')
  }
  if (file.startsWith('crates/core/src/') && !file.startsWith('crates/core/src/store/mongo')) {
    reportLines(/\bmongodb::/, 'only store/mongo may name the MongoDB client')
  }
  if (file.startsWith('crates/core/src/') && !file.startsWith('crates/core/src/store/mongo')) {
    reportRandomSelects(lines, report)
  }
  if (file.startsWith('crates/core/src/') && PURE.test(file)) {
    reportLines(/\basync\b|\.await\b/, 'decides, so it must not wait: no async here', true)
  }
  if (file.startsWith('crates/node-binding/src/')) {
    reportUnguardedMethods(lines, report)
  }
  if (file.startsWith('lib/')) {
    reportLines(/\b(setTimeout|setInterval|setImmediate)\b/, "the facade has no timers; waiting is the core's")
  }
}

for (const crate of ['csb-core', 'csb-cli']) {
  const tree = execFileSync('cargo', ['tree', '-p', crate, '-e', 'normal', '--prefix', 'none'], {
    cwd: projectRoot,
    encoding: 'utf8',
  })
  if (/^napi\b/m.test(tree)) violations.push(`${crate} depends on napi; only the binding may`)
}

if (violations.length > 0) {
  console.error(violations.join('\n'))
  process.exit(1)
}
console.error(`✔ boundaries: ${sources.size} files`)

/** Without `biased`, `select!` looks at its branches in an order that no seed decides: a run could not be repeated. */
function reportRandomSelects(lines, report) {
  lines.forEach((line, index) => {
    const begins = /\bselect!\s*\{\s*$/.test(withoutComment(line))
    if (begins && !/^\s*biased;/.test(lines[index + 1] ?? '')) report('a select! that is not biased', index + 1)
  })
}

/** Tests at the end of a pure file may be async; comments may say anything. */
function withoutComment(line) {
  return line.replace(/\/\/.*$/, '').replace(/#\[tokio::test\]/, '')
}

/** A panic in a method without `catch_unwind` ends the user's process. */
function reportUnguardedMethods(lines, report) {
  lines.forEach((line, index) => {
    const attribute = /^\s*#\[napi(\(([^)]*)\))?\]/.exec(line)
    if (!attribute) return
    const guardsFunction = /\bfn\b/.test(lines.slice(index + 1, index + 3).join(' '))
    if (guardsFunction && !/catch_unwind/.test(attribute[2] ?? '')) report('a method without catch_unwind', index + 1)
  })
}
