import { STATES, ask, button, element, post, replace, table } from "/connect/-/pages.js";

const base = location.pathname.replace(/\/$/, "");
const message = document.getElementById("message");

function draw({ apps, redirect_url: back }) {
  const rows = apps.map(({ slug, name, state }) => {
    const connected = state === "connected";
    const text = connected ? "Disconnect" : state === "expired" ? "Reconnect" : "Connect";
    const controls = [button(text, `${text} ${name}`, () => act(connected ? "disconnect" : "connect", slug, `${name}: ${text} done`))];
    if (!connected) controls.push(" ", button("Decline", `Decline ${name}`, () => (message.textContent = `${name} was declined; nothing changed`)));
    return [name, element("span", { textContent: state === "none" ? "not connected" : state, className: STATES[state] }), element("span", {}, ...controls)];
  });
  replace(document.getElementById("apps"), table(["app", "state", "actions"], rows, "Apps"));
  const leave = back ? [element("a", { href: back, textContent: "Return to the application", rel: "noreferrer" })] : [];
  document.getElementById("leave").replaceChildren(...leave);
}

async function show(work, done) {
  try {
    draw(await work);
    message.textContent = done;
    message.className = "";
  } catch (error) {
    message.textContent = error.message;
    message.className = "bad";
  }
}

const act = (verb, slug, done) => show(post(`${base}/do`, { do: verb, slug }), done);
show(ask(`${base}/state`), "");
