import { client, model, question, say, tools } from "./client.mjs";

let text = "";
const stream = client.responses
  .stream({ model, tools, input: question(process.env.PICTURE) })
  .on("response.output_text.delta", (event) => (text += event.delta));
const final = await stream.finalResponse();
const call = final.output.find((item) => item.type === "image_search_call");
say({ status: final.status, text, output_text: final.output_text, images: JSON.parse(call.output) });
