import OpenAI from "openai";
import { client, model, question, say, tools } from "./client.mjs";

const nameOf = async (call) => {
  try {
    await call();
    return "no error";
  } catch (error) {
    return { name: error.constructor.name, status: error.status, code: error.code, message: error.message };
  }
};
const stranger = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: "wrong", maxRetries: 0 });
say({
  key: await nameOf(() => stranger.models.list()),
  picture: await nameOf(() => client.responses.create({ model, tools, input: question("no picture") })),
  response: await nameOf(() => client.responses.retrieve("resp_of_nobody")),
  embedding: await nameOf(() => client.embeddings.create({ model: "no-such-model", input: "a" })),
});
