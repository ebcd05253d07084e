import { client, model, question, say, tools } from "./client.mjs";

const stream = await client.responses.create({ model, tools, input: question(process.env.PICTURE), stream: true });
const types = [];
let text = "";
let images = null;
let usage = null;
for await (const event of stream) {
  types.push(event.type);
  if (event.type === "response.output_item.done" && event.item.type === "image_search_call") {
    images = JSON.parse(event.item.output);
  } else if (event.type === "response.output_text.delta") {
    text += event.delta;
  } else if (event.type === "response.completed") {
    usage = event.response.usage;
  }
}
say({ types, text, images, usage });
