#!/usr/bin/env node
'use strict'

const { resolve } = require('node:path')
const { nativeAddon } = require('../lib/native_addon.js')

async function main() {
  process.exitCode = await nativeAddon().runCli(process.argv.slice(2), resolve(__dirname, '..'))
}

main().catch((error) => {
  console.error(`csbroker: ${error.message}`)
  process.exitCode = 70 // EX_SOFTWARE: a defect, not one of the documented outcomes
})
