import { fuzzInTests } from './fuzz-in-tests.js'

fuzzInTests('journal-messages', 'sockets', 'http', 'uri')
