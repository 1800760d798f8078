// Shows the OpenAPI document that the page is named after.
const name = location.pathname.split('/').pop();

SwaggerUIBundle({
  dom_id: '#reader',
  url: `/docs/openapi/${name}.yaml`,
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: false,
  persistAuthorization: false, // a credential is not kept in the browser
  validatorUrl: null, // nothing is sent to anybody
  onComplete: () => {
    document.title = `${document.querySelector('#reader .title')?.firstChild?.textContent ?? name}: documents`;
  },
});
