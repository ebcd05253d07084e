import { client, model, say } from "./client.mjs";

const ask = { model, tools: [{ type: "web_search_image" }], input: "a yellow disc" };
const response = await client.responses.create(ask);
const types = [];
let streamed = null;
for await (const event of await client.responses.create({ ...ask, stream: true })) {
  types.push(event.type);
  if (event.type === "response.output_item.done" && event.item.type === "web_search_image_call") {
    streamed = JSON.parse(event.item.output);
  }
}
const call = response.output.find((item) => item.type === "web_search_image_call");
say({ images: JSON.parse(call.output), text: response.output_text, usage: response.usage, types, streamed });
