import type { Options } from 'yargs'
import { defaultBackupFile } from '../../lib/backup/configuration.js'

/** Of every command of backups. */
export const configOption = { type: 'string', default: defaultBackupFile, requiresArg: true, description: 'File that says what is backed up, and where to' } as const satisfies Options
