#!/usr/bin/env node
'use strict'

const { nativeAddon } = require('../lib/native_addon.js')

async function main() {
  process.exitCode = await nativeAddon().runCli(process.argv.slice(2))
}

main().catch((error) => {
  console.error(`csbroker: ${error.message}`)
  process.exitCode = 70 // EX_SOFTWARE: a defect, not one of the documented outcomes
})
