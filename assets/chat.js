// A conversation with a model in the page: what lib/instruct/chat.py does, in a log with a field under it.
//
// lib/widgets/pages/wake.html brings this file when a reader wakes the model.

import { wake } from "./awake.js";
import { make } from "./elements.js";

const PACE = 20; // the least time that a token takes, in milliseconds: messages are heard meanwhile
const NAMES = { user: "You", assistant: "Model" }; // as in lib/widgets/chat.py

// Wake the model; the stored conversation goes on. `turns` are those, the `first` of which no one clears.
export async function start(root, name, megabytes, { turns, first, many, sampling }, tell) {
  const model = await wake(name, megabytes, tell);
  const chat = new Chat(root, model, turns.slice(0, first), many, tell);
  model.tell("set", { sampling });
  await chat.begin(turns);
  chat.build(turns.find(({ role }) => role === "user")?.text ?? "");
  tell("The model is awake. Enter sends your message, Escape stops the answer.");
}

class Chat {
  constructor(root, model, first, many, tell) {
    Object.assign(this, { root, model, first, many, tell, ids: [], writing: false, work: Promise.resolve() });
    this.pick = (name) => root.querySelector(`.${name}`);
  }

  // The field and its buttons; `example` stands in the field of a new conversation.
  build(example) {
    const field = make("textarea", { className: "message", rows: 2, maxLength: 2000, spellcheck: false });
    field.onkeydown = (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.send();
    };
    const again = () => this.restart().then(() => {
      field.value ||= example;
      field.select();
    });
    const button = (name, words, onclick) => make("button", { type: "button", className: name, onclick }, words);
    this.pick("form").replaceChildren(
      make("label", { className: "wide" }, "your message", field),
      make("p", { className: "buttons" }, button("send", "Send", () => this.send()),
        button("stop", "Stop", () => this.stop()), button("new", "New conversation", again)));
    this.root.addEventListener("keydown", ({ key }) => key === "Escape" && this.stop());
    this.pick("controls").remove();
    this.pick("form").after(this.pick("awake"));
    this.pick("log").tabIndex = 0; // it scrolls from now on
    this.root.dataset.awake = "";
    this.scroll();
    field.focus();
  }

  // Have some turns said that stand in the log; the model reads them when it answers.
  async begin(turns) {
    this.ids = (await this.model.ask("turns", { turns })).ids;
    [...this.pick("log").children].slice(turns.length).forEach((turn) => turn.remove());
    this.say("");
  }

  send() {
    const field = this.pick("message"), text = field.value.trim();
    field.focus();
    if (this.writing) return this.tell("The model is still writing: Escape stops it.");
    if (!text) return this.tell("There is no message to send yet.");
    this.writing = true;
    const failed = (error) => this.tell(`Nothing is sent: ${error.message}.`);
    this.work = this.work.then(() => this.answer(text)).catch(failed).finally(() => this.close());
  }

  // Nobody is read a half of an answer: the log is busy until it is complete.
  close() {
    this.writing = false;
    this.pick("log").ariaBusy = "false";
  }

  stop() {
    if (this.writing) this.model.tell("stop");
  }

  // Stop, and forget what was said.
  restart() {
    this.stop();
    this.pick("message").focus();
    this.work = this.work.then(() => this.begin(this.first)).then(() => this.tell("This is a new conversation."));
    return this.work;
  }

  // The model reads what is new to it, and answers; the log has both from when it is known that they fit.
  async answer(text) {
    const before = this.ids.length, special = Object.entries(this.model.about.special);
    const name_of = (id) => special.find(([, each]) => each === id)?.[0];
    let start, said;
    const hear = ({ kind, ids, id, pieces }) => {
      if (kind === "begun") [start, said] = this.begun(text, ids);
      if (kind !== "token") return;
      this.ids.push(id);
      if (!name_of(id)) said.textContent = pieces.slice(start).join("").replace(/\uFFFD$/, ""); // half a character
      this.scroll();
    };
    const told = { ids: this.ids, turns: [{ role: "user", text }], many: this.many, seed: 0, pace: PACE };
    const { pieces, stopped } = await this.model.ask("answer", told, hear);
    const name = stopped ? name_of(this.ids.pop()) : "";
    const answer = pieces.slice(start).join("");
    said.textContent = answer.slice(0, answer.length - name.length);
    this.ids.push(this.model.about.special["<|end|>"]);
    if (!stopped) said.parentElement.append(cut());
    this.end(stopped, start);
    this.say(`Your turn had ${start - 1 - before} tokens and the model’s ${this.ids.length - start + 1}. `);
  }

  begun(text, ids) {
    const log = this.pick("log"), answer = row("assistant", "");
    this.pick("message").value = "";
    this.tell("The model writes: Escape stops it.");
    log.ariaBusy = "true";
    log.append(row("user", text), answer);
    this.ids = ids;
    this.scroll();
    return [ids.length, answer.querySelector(".text")];
  }

  // How an answer ended.
  end(stopped, start) {
    const many = this.ids.length - start - 1, { context } = this.model.about;
    if (stopped) this.tell("The model has answered.");
    else if (this.ids.length === context) this.tell("The answer is cut off: the context is full. Begin a new conversation.");
    else if (many === this.many) this.tell(`The answer is cut off after ${many} tokens, as long as one may be.`);
    else this.tell("The answer is stopped.");
  }

  // How full the context is, in words and as a bar.
  say(words) {
    const many = this.ids.length, { context } = this.model.about;
    this.pick("say").textContent = `${words}The conversation has ${many} of the ${context} tokens that fit the model’s context.`;
    Object.assign(this.pick("fill"), { max: context, value: many });
  }

  scroll() {
    this.pick("log").scrollTop = this.pick("log").scrollHeight;
  }
}

function row(role, text) {
  return make("p", { className: `turn ${role}` }, make("b", {}, NAMES[role]), " ", make("span", { className: "text" }, text));
}

const cut = () => make("span", { className: "cut" }, " …");
