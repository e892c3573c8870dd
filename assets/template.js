// The chat template in JavaScript: a conversation as tokens, the same ids as lib/instruct/template.py gives.
//
// A turn is { role, text }: the special token of its role, its text, and a token that ends it.

const ROLES = ["system", "user", "assistant", "tool"], END = "<|end|>";

export class Template {
  constructor(tokenizer) {
    const missing = [...ROLES.map(special_token), END].filter((name) => !(name in tokenizer.special));
    if (missing.length) throw new Error(`the model has no special tokens ${missing.join(", ")}: it holds no conversation`);
    this.tokenizer = tokenizer;
    this.end = tokenizer.special[END];
  }

  // Where a text names a special token, that is plain text.
  encode(turns) {
    return turns.flatMap(({ role, text }) => [this.role(role), ...this.tokenizer.encode(text), this.end]);
  }

  // The same, and the token after which the model answers.
  prompt(turns) {
    return [...this.encode(turns), this.role("assistant")];
  }

  role(role) {
    if (!ROLES.includes(role)) throw new Error(`a role is one of ${ROLES.join(", ")}, not ${role}`);
    return this.tokenizer.special[special_token(role)];
  }
}

const special_token = (role) => `<|${role}|>`;
