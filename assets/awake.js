// The page's side of a model: a worker that is started when a reader asks for it.

// Resolves when the model is awake; `tell` is told in words how far it has come.
export async function wake(name, megabytes, tell) {
  const model = new Model();
  tell(`Loading the model, ${megabytes} MB.`);
  let told = 0;
  const come = ({ kind, bytes }) => {
    const share = Math.min(100, Math.round(bytes / megabytes / 1e4));
    if (kind === "loading" && share >= told + 25) tell(`Loading the model: ${(told = share)} % of ${megabytes} MB.`);
  };
  model.about = await model.ask("wake", { name }, come);
  return model;
}

class Model {
  constructor() {
    this.worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.waiting = new Map();
    this.last = 0;
    this.worker.onmessage = ({ data }) => this.hear(data);
    this.worker.onerror = (event) => {
      event.preventDefault();
      const why = `this browser is too old for it, or a file is missing (${event.message ?? "no worker"})`;
      for (const ticket of this.waiting.keys()) this.hear({ ticket, kind: "failed", why });
    };
  }

  // Resolves with the last answer to a task; `each` gets all of them as they come.
  ask(task, details = {}, each = () => {}) {
    const ticket = ++this.last;
    return new Promise((done, failed) => {
      this.waiting.set(ticket, { done, failed, each });
      this.worker.postMessage({ ...details, task, ticket });
    });
  }

  // For what has no answer.
  tell(task, details = {}) {
    this.worker.postMessage({ ...details, task });
  }

  hear(data) {
    const asked = this.waiting.get(data.ticket);
    if (!asked) return;
    asked.each(data);
    if (["loading", "begun", "token"].includes(data.kind)) return;
    this.waiting.delete(data.ticket);
    if (data.kind === "failed") asked.failed(new Error(data.why));
    else asked.done(data);
  }
}
