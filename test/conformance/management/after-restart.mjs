import assert from "node:assert/strict";
import { all, client, group, run, service } from "./check.mjs";

await run({
  "everything that was written is there": async () => {
    assert.deepEqual((await all(client.logger.listByService(group, service))).map((l) => l.name), ["from-folder", "insights", "named", "system", "user"]);
    const d = await client.apiDiagnostic.get(group, service, "shop", "applicationinsights");
    assert.deepEqual([d.sampling.percentage, d.verbosity, d.operationNameFormat, d.metrics], [0, "verbose", "Url", true]);
    const { credentials } = await client.logger.get(group, service, "insights");
    assert.equal((await client.namedValue.listValue(group, service, credentials.instrumentationKey.slice(2, -2))).value, "1a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9");
  },
  "and can be changed": async () => {
    const { eTag } = await client.apiDiagnostic.get(group, service, "shop", "applicationinsights");
    await client.apiDiagnostic.delete(group, service, "shop", "applicationinsights", eTag);
    await client.logger.delete(group, service, "insights", "*");
    assert.deepEqual((await all(client.logger.listByService(group, service))).map((l) => l.name), ["from-folder", "named", "system", "user"]);
  },
});
