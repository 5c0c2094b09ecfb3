import { STATES, ask, button, element, post, replace, table } from "/connect/-/pages.js";

const at = (id) => document.getElementById(id);
// The key stands in the fragment, which is not sent to any server; kept for this page alone.
const key = decodeURIComponent(location.hash.slice(1));
const headers = key ? { "X-Console-Key": key } : {};
const time = (seconds) => new Date(seconds * 1000).toLocaleTimeString();
let paused = false;

function tell(text, bad = false) {
  at("message").textContent = text;
  at("message").className = bad ? "bad" : "";
}

async function act(body, done) {
  try {
    await post("/_console/do", body, headers);
    tell(done);
    await refresh();
  } catch (error) {
    tell(error.message, true);
  }
}

function drawConnections(account) {
  const rows = account.connections.map(({ slug, name, state }) => {
    const change = (verb, text) => button(text, `${text} ${slug}`, () => act({ do: verb, account: account.id, slug }, `${slug}: ${text} done`));
    const announce = button("Announce", `Announce that ${slug} expired`,
      () => act({ do: "announce", account: account.id, slug, event: "Connection Expired" }, "webhook sent"));
    const buttons = state === "connected"
      ? [change("expire", "Expire"), " ", change("disconnect", "Disconnect"), " ", announce]
      : [change("connect", state === "expired" ? "Reconnect" : "Connect")];
    return [name, element("span", { textContent: state, className: STATES[state] }), element("span", {}, ...buttons)];
  });
  replace(at("connections"), table(["app", "state", "actions"], rows, "Connections"));
}

function drawLedger({ actions, runs }) {
  replace(at("actions"), table(["app", "action", "effect", "runs", "repeated"],
    actions.map((each) => [each.slug, each.action, each.effect, each.runs, each.repeated]), "Actions that ran"));
  replace(at("runs"), table(["#", "account", "action", "ok", "parameters"],
    runs.map((run) => [run.number, run.account, `${run.slug}/${run.action}`, run.ok ? "yes" : "no", run.params]), "Latest runs"));
}

function drawFaults(faults) {
  const rows = faults.map(({ fault, fired }) =>
    [fault, fired, button("Remove", `Remove ${fault}`, () => act({ do: "remove_fault", fault }, "fault removed"))]);
  replace(at("faults"), faults.length ? table(["fault", "fired", "actions"], rows, "Faults") : element("p", { textContent: "none" }));
}

function drawWorkflows(state) {
  const rows = state.workflows.map(({ id, name, slug }) => [name, slug, button("Run", `Run ${name}`,
    () => act({ do: "run_workflow", account: state.account.id, workflow: id }, `${name} started`))]);
  const due = state.account.schedules.map(({ id, status }) => [`schedule ${id}`, status, button("Run now", `Run schedule ${id}`,
    () => act({ do: "run_schedule", account: state.account.id, schedule: id }, "schedule run"))]);
  replace(at("workflows"), table(["workflow", "app or state", "actions"], [...rows, ...due], "Workflows and schedules"));
  replace(at("executions"), table(["execution", "workflow", "status"],
    state.account.executions.map(({ id, name, status }) => [id, name, status]), "Executions"));
}

function choices(select, values, chosen) {
  if ([...select.options].map((each) => each.value).join("\n") === values.join("\n")) return;
  select.replaceChildren(...values.map((value) => element("option", { value, textContent: value, selected: value === chosen })));
}

function draw(state) {
  at("about").textContent = `${state.account_count} linked accounts, ${state.apps.length} apps, ${location.origin}`;
  choices(at("account"), state.accounts, state.account?.id);
  choices(at("app"), state.apps, at("app").value || "hubspot");
  replace(at("requests"), table(["time", "request", "status", "account"],
    state.requests.map((each) => [time(each.at), `${each.method} ${each.path}`, each.status ?? "dropped", each.account]), "Requests"));
  drawLedger(state.ledger);
  drawFaults(state.faults);
  at("limit").textContent = state.limit ? `now ${JSON.stringify(state.limit)}` : "now none";
  replace(at("deliveries"), table(["to", "statuses", "body"],
    state.deliveries.map((each) => [each.url, each.skipped ? "not on this machine" : each.statuses.map((status) => status ?? "none").join(", "), each.body]),
    "Deliveries"));
  if (!state.account) return;
  drawConnections(state.account);
  drawWorkflows(state);
  replace(at("records"), table(["object", "id", "fields"],
    state.account.records.map(({ object, id, fields }) => [object, id, JSON.stringify(fields)]), "Records"));
}

async function refresh() {
  const query = new URLSearchParams({ search: at("search").value, account: at("account").value, app: at("app").value || "hubspot" });
  draw(await ask(`/_console/state?${query}`, { headers }));
}

async function follow() {
  for (;;) {
    try {
      if (!paused && !document.hidden) await refresh();
    } catch (error) {
      tell(error.message, true);
    }
    await new Promise((resume) => setTimeout(resume, 1000));
  }
}

const submits = (id, run) => at(id).addEventListener("submit", (event) => (event.preventDefault(), run()));
submits("choose", refresh);
submits("choose-app", refresh);
submits("add-fault", () => act({ do: "add_fault", fault: at("fault").value }, "fault added"));
submits("set-limit", () => act({ do: "set_limit",
  limit: JSON.stringify({ per_second: Number(at("rate").value), burst: Number(at("burst").value) }) }, "limit set"));
at("no-limit").onclick = () => act({ do: "set_limit", limit: "null" }, "no limit");
at("clear-ledger").onclick = () => act({ do: "clear_ledger" }, "ledger cleared");
at("reset").onclick = () => act({ do: "reset" }, "sandbox reset");
at("search").oninput = refresh;
at("account").onchange = refresh;
at("app").onchange = refresh;
at("pause").onclick = () => {
  paused = !paused;
  at("pause").setAttribute("aria-pressed", String(paused));
  at("pause").textContent = paused ? "Resume updates" : "Pause updates";
};
follow();
