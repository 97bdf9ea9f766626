// Shows the OpenAPI document with Swagger UI, which a script before this one has put on the window.
import { requireElement } from "./lib/dom.js";

const container = requireElement(document, "#swagger-ui", HTMLElement);
const { SwaggerUIBundle } = /** @type {Window & { SwaggerUIBundle?: (options: object) => unknown }} */ (
  window
);

SwaggerUIBundle?.({
  domNode: container,
  url: container.dataset.openapi,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
});
