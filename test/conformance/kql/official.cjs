// Reads a JSON array of queries, writes a JSON array of the official parser's
// syntax errors: one text a query, "" when there is none.
const fs = require('node:fs');
const path = require('node:path');
const dir = path.join(process.cwd(), 'node_modules/@kusto/language-service-next');
require(path.join(dir, 'bridge.min.js'));
require(path.join(dir, 'Kusto.Language.Bridge.min.js'));
const answers = JSON.parse(fs.readFileSync(0, 'utf8')).map((text) => {
  const faults = Kusto.Language.KustoCode.Parse(text).GetSyntaxDiagnostics();
  return faults.Count > 0 ? `${faults.getItem(0).Start}: ${faults.getItem(0).Message}` : '';
});
process.stdout.write(JSON.stringify(answers));
