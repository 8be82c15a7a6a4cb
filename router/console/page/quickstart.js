// Puts the two sides next to each other. A token in the fragment (#token=...) signs the agent in; it never leaves the page.
const place = (navigator.language || document.documentElement.lang).startsWith("ja") ? "ja" : "en";
document.documentElement.lang = place;
for (const node of document.querySelectorAll("[data-ja]")) node.textContent = node.dataset[place];
const token = new URLSearchParams(location.hash.slice(1)).get("token");
if (token) history.replaceState(null, "", location.pathname);
document.getElementById("agent").src = token ? `/console#token=${encodeURIComponent(token)}&presence=online` : "/console";
const facts = await (await fetch("/quickstart/facts.json")).json();
for (const name of ["email", "line"]) {
  const node = document.getElementById(name);
  if (facts[name]) node.textContent = facts[name];
  else node.closest("section").hidden = true;
}
