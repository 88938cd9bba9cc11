#!/usr/bin/env node
import { vanadium } from './commands.js'
import { main } from './lib/cli/main.js'

process.exitCode = await main(vanadium, process.argv.slice(2))
