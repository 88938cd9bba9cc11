import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import t from 'tap'
import ts from 'typescript'
import { projectRoot } from './helpers/shared.js'

interface Import {
  readonly from: string
  readonly to: string
  /** Leaves no trace in the JavaScript: `import type`. */
  readonly typeOnly: boolean
}

/**
 * What a layer may import besides itself; of layers in parentheses only types. A layer that is not listed here fails the test:
 * whoever adds one says where it stands.
 */
const layers: Record<string, readonly string[]> = {
  leaves: [],
  secrets: ['leaves'],
  event: ['leaves', 'secrets', '(registry)'],
  stream: ['leaves', '(event)', '(registry)'],
  'opt-out': ['leaves', 'secrets', 'event'],
  zmq: ['leaves', 'secrets', 'stream'],
  file: ['leaves', 'stream'],
  'plug-in': ['leaves', 'stream', 'event'],
  sql: ['leaves', 'secrets', 'stream', 'event', '(registry)'],
  counts: ['leaves', 'stream', 'event'],
  registry: ['leaves', 'secrets'],
  purge: ['leaves', 'stream', 'event', 'file', 'sql', 'registry'],
  backup: ['leaves', 'secrets', 'stream', 'event', 'file', 'sql', 'registry', 'purge'],
  graphite: ['leaves'],
  mail: ['leaves', 'secrets', '(registry)'],
  readers: ['leaves', 'secrets', 'stream', 'event', 'zmq', 'file', 'plug-in', 'sql'],
  writers: ['leaves', 'secrets', 'stream', 'event', 'zmq', 'file', 'plug-in', 'sql'],
  cli: ['leaves', 'secrets', 'stream', 'event', 'opt-out', 'zmq', 'plug-in', 'sql', 'registry', 'readers', 'writers'],
  daemons: ['leaves', 'stream', 'event', 'opt-out', 'zmq', 'plug-in', 'sql', 'counts', 'registry', 'readers', 'writers', 'cli'],
  tools: ['leaves', 'secrets', 'stream', 'event', 'opt-out', 'zmq', 'file', 'plug-in', 'sql', 'counts', 'registry', 'purge', 'backup', 'graphite', 'mail', 'readers', 'writers', 'cli', 'daemons'],
  root: ['leaves', 'cli', 'daemons', 'tools'],
  packaging: ['leaves', 'cli', 'readers', 'writers', 'root']
}

const leaves = ['lib/errors.ts', 'lib/log.ts', 'lib/metrics.ts', 'lib/version.ts', 'lib/yaml.ts']
/** Whatever reads a password or a key does it by this file. */
const secrets = 'lib/file/secret-file.ts'
const roots = ['vanadium.ts', 'vanadiumctl.ts', 'commands.ts']
/** What make runs. */
const programs = ['packaging/copyright.ts', 'packaging/generate.ts', 'packaging/modules.ts']
const sources = new Map([...roots, ...['lib', 'daemons', 'tools', 'packaging'].flatMap(filesIn)].map(file => [file, parse(file)]))
const imports = [...sources].flatMap(([file, source]) => importsOf(file, source))

t.test('imports go one way only', async t => {
  const wrong = imports.filter(({ from, to, typeOnly }) => {
    const [layer, target] = [layerOf(from), layerOf(to)]
    if (layer === target) return layer === 'leaves'
    const allowed = layers[layer] ?? []
    return !allowed.includes(target) && !(typeOnly && allowed.includes(`(${target})`))
  })

  t.ok(imports.length > 100, 'imports were found')
  t.strictSame(wrong.map(({ from, to }) => `${from} imports ${to}`), [])
})

t.test('every file belongs to a layer', async t => {
  t.strictSame([...sources.keys()].filter(file => layers[layerOf(file)] === undefined), [])
})

t.test('readers and writers are imported by their index and by nobody else', async t => {
  const wrong = imports.filter(({ from, to }) => /^lib\/(readers|writers)\//.test(to) && !/\/index\.ts$/.test(to) && dirname(from) !== dirname(to))

  t.strictSame(wrong.map(({ from, to }) => `${from} imports ${to}`), [])
})

t.test('no file imports itself by way of others', async t => {
  const runtime = imports.filter(({ typeOnly }) => !typeOnly)

  t.strictSame([...sources.keys()].map(file => circle(file, runtime)).filter(path => path !== null), [])
})

t.test('only commands look at the process: its arguments, environment, signals and exit', async t => {
  const wrong = [...sources]
    .filter(([file]) => !['daemons', 'tools', 'cli', 'root', 'packaging'].includes(layerOf(file)))
    .flatMap(([file, source]) => usesOfProcess(source).map(use => `${file} uses ${use}`))

  t.strictSame(wrong, [])
})

t.test('importing a file does nothing', async t => {
  const wrong = [...sources]
    .filter(([file]) => !roots.includes(file) && !programs.includes(file))
    .flatMap(([file, source]) => source.statements.filter(does).map(statement => `${file}: ${statement.getText(source).slice(0, 60)}`))

  t.strictSame(wrong, [])
})

function filesIn (directory: string): string[] {
  return readdirSync(join(projectRoot, directory), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts'))
    .map(file => join(directory, file))
}

function parse (file: string): ts.SourceFile {
  return ts.createSourceFile(file, readFileSync(join(projectRoot, file), 'utf8'), ts.ScriptTarget.Latest, true)
}

function layerOf (file: string): string {
  if (leaves.includes(file)) return 'leaves'
  if (roots.includes(file)) return 'root'
  if (file === secrets) return 'secrets'
  const [first = '', second = ''] = file.split('/')
  return first === 'lib' ? second : first
}

/** Imports of our own files, `import('…')` included. */
function importsOf (file: string, source: ts.SourceFile): Import[] {
  const found: Import[] = []
  function add (specifier: ts.Expression | undefined, typeOnly: boolean): void {
    if (specifier === undefined || !ts.isStringLiteral(specifier) || !specifier.text.startsWith('.')) return
    found.push({ from: file, to: normalize(join(dirname(file), specifier.text)).replace(/\.js$/, '.ts'), typeOnly })
  }
  visit(source, node => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeOnly(node.importClause))
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly)
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) add(node.arguments[0], false)
  })
  return found
}

function isTypeOnly (clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true
  const { name, namedBindings } = clause
  return name === undefined && namedBindings !== undefined && ts.isNamedImports(namedBindings) && namedBindings.elements.every(element => element.isTypeOnly)
}

/** `process.argv` and the like, also by way of `node:process`. */
function usesOfProcess (source: ts.SourceFile): string[] {
  const forbidden = /^(argv|execArgv|env|exit|exitCode|abort|kill|on|once|off|addListener|emit)$/
  const found: string[] = []
  visit(source, node => {
    if (ts.isPropertyAccessExpression(node) && node.expression.getText(source) === 'process' && forbidden.test(node.name.text)) found.push(node.getText(source))
    if (ts.isElementAccessExpression(node) && node.expression.getText(source) === 'process') found.push(node.getText(source))
    if (!ts.isImportDeclaration(node) || !/^(node:)?process$/.test((node.moduleSpecifier as ts.StringLiteral).text)) return
    const bindings = node.importClause?.namedBindings
    const names = bindings !== undefined && ts.isNamedImports(bindings) ? bindings.elements.map(element => (element.propertyName ?? element.name).text) : ['argv']
    if (names.some(name => forbidden.test(name))) found.push(node.getText(source))
  })
  return found
}

/** Declarations do nothing by themselves; calls, assignments, loops at the top of a file do. */
function does (statement: ts.Statement): boolean {
  return !(ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement) || ts.isVariableStatement(statement) ||
    ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement) || ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement))
}

function circle (start: string, among: readonly Import[]): string | null {
  const seen = new Set<string>()
  function search (file: string, path: string): string | null {
    for (const { from, to } of among) {
      if (from !== file) continue
      if (to === start) return `${path} → ${to}`
      if (seen.has(to)) continue
      seen.add(to)
      const found = search(to, `${path} → ${to}`)
      if (found !== null) return found
    }
    return null
  }
  return search(start, start)
}

function visit (node: ts.Node, visitor: (node: ts.Node) => void): void {
  visitor(node)
  ts.forEachChild(node, child => { visit(child, visitor) })
}
