#!/usr/bin/env node
import { vanadiumctl } from './commands.js'
import { main } from './lib/cli/main.js'

process.exitCode = await main(vanadiumctl, process.argv.slice(2))
