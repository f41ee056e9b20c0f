// Runs checks one after the other and prints a line of JSON for each: the Go
// test reads them. A check that throws has failed.
import assert from "node:assert/strict";

export const settings = JSON.parse(process.env.GATEHOUSE_TEST);

// The credential that the clients take: Gatehouse's own token, whatever audience
// is asked for.
export const credential = {
  getToken: async () => ({ token: settings.token, expiresOnTimestamp: Date.now() + 3600_000 }),
};

export async function run(checks) {
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check();
      console.log(JSON.stringify({ name, ok: true }));
    } catch (error) {
      console.log(JSON.stringify({ name, ok: false, detail: String(error.stack ?? error).slice(0, 2000) }));
    }
  }
}

// fails gives the error that a call ends with.
export async function fails(call) {
  let result;
  try {
    result = await call();
  } catch (error) {
    return error;
  }
  assert.fail("no error, but " + JSON.stringify(result).slice(0, 500));
}

// Every type of the language, in one row.
export const everyType = `print b = true, i = int(7), l = long(9007199254740991), r = 1.5, s = "x", t = datetime(2026-03-14T09:26:53.0000001Z),
  d = 1d + 2h, g = guid(74be27de-1e4e-49d9-b579-fe0b331d3642), o = dynamic({"a":[1,"x"]}), nan = real(nan), none = long(null), m = decimal(1.5)`;

export function isEveryType(row) {
  const [b, i, l, r, s, t, d, g, o, nan, none, m] = row;
  assert.deepEqual([b, i, l, r, s, d, g, nan, none, m], [true, 7, 9007199254740991, 1.5, "x", "1.02:00:00", "74be27de-1e4e-49d9-b579-fe0b331d3642", "NaN", null, "1.5"]);
  assert.equal(new Date(t).toISOString(), "2026-03-14T09:26:53.000Z");
  assert.deepEqual(typeof o === "string" ? JSON.parse(o) : o, { a: [1, "x"] });
}

// The rows that the test has sent: 12 requests to the service "shop", of which 3 failed.
export const counts = `requests | where cloud_RoleName == "shop" | summarize n = sum(itemCount), failed = countif(success == false) by cloud_RoleName`;
export const workspaceCounts = `AppRequests | where AppRoleName == "shop" | summarize n = sum(ItemCount), failed = countif(Success == false) by AppRoleName`;
export const expected = ["shop", 12, 3];
