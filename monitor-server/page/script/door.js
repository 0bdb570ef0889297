/*
 * The door: the screen in place of all others where the server gives no data. It lists the ways in, and takes
 * a token where the server is configured with tokens. The token is kept in a variable of this tab, and
 * forgotten with it. Where users with passwords are configured the server guards the page itself, and the
 * browser asks for them.
 */
import { el, fill } from "./element.js";
import { hasToken, page, pollNow, setToken } from "./source.js";
import { reopen } from "./main.js";

/** Fills `<main>` with the door. */
export function drawDoor(main) {
  const { status, ways } = page.door;
  const isStranger = status === 401;
  const port = location.port || (location.protocol === "https:" ? "443" : "80");
  const address = `http://127.0.0.1:${port}/`;
  const section = (title, ...children) => el("section", el("h2", title), children);
  const links = ["livez", "readyz", "health"].map((path, place) => [
    place ? ", " : "",
    el("a", { href: path }, `/${path}`),
  ]);
  fill(
    main,
    el(
      "div.door",
      el("h1", isStranger ? "Who are you?" : "Only from the machine itself."),
      el(
        "p",
        "This monitor shows its page to the machine it runs on",
        isStranger ? ", and to those with credentials (401)." : " alone (403).",
      ),
      section(
        "From this machine, or through a port-forward:",
        el("pre", `kubectl port-forward pod/<pod> ${port}`),
        el("p", "then open ", el("a", { href: address }, address)),
      ),
      isStranger && /bearer/i.test(ways) && section("With a token:", tokenForm()),
      el("section", el("p.small", "What everybody may see: ", links)),
    ),
  );
}

function tokenForm() {
  const field = el("input", {
    type: "password",
    id: "token",
    "aria-label": "Token",
    autocomplete: "off",
    spellcheck: "false",
  });
  const use = event => {
    event.preventDefault();
    setToken(field.value.trim());
    page.door = null;
    reopen();
    pollNow();
  };
  const wrong = hasToken() && el("p.bad", { role: "alert" }, "The monitor does not know this token.");
  return el(
    "form",
    { on: { submit: use } },
    el("p", field, " ", el("button.button", "Use")),
    wrong,
    el("p.small", "Kept in this tab only, and forgotten with it."),
  );
}
