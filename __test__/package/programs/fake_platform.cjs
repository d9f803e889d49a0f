// Preloaded: makes Node.js tell of another machine. FAKE_PLATFORM has as JSON `platform`, `arch`, `ldd` (the text of
// /usr/bin/ldd, or null if there is none), `report` (what process.report tells) and `dlopen` (the error of every addon).
const fs = require('node:fs')

const fake = JSON.parse(process.env.FAKE_PLATFORM)
for (const field of ['platform', 'arch']) {
  if (field in fake) Object.defineProperty(process, field, { value: fake[field] })
}
if ('ldd' in fake) {
  const { readFileSync } = fs
  fs.readFileSync = (path, ...args) => {
    if (path !== '/usr/bin/ldd') return readFileSync(path, ...args)
    if (fake.ldd === null) throw Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT' })
    return fake.ldd
  }
}
if ('report' in fake) process.report.getReport = () => fake.report
if ('dlopen' in fake) {
  require.extensions['.node'] = () => {
    throw new Error(fake.dlopen)
  }
}
