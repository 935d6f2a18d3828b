"use strict";
// The try-it page. Calls go to this installation; in a session of the desk they carry its CSRF token.
(() => {
  const place = document.getElementById("swagger-ui");
  const cookie = (name) => {
    const found = document.cookie.split("; ").find((part) => part.startsWith(`${name}=`));
    return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
  };
  window.SwaggerUIBundle({
    url: place.dataset.url,
    domNode: place,
    deepLinking: true,
    docExpansion: "none",
    filter: true,
    persistAuthorization: false,
    validatorUrl: null,
    requestInterceptor: (request) => {
      const token = cookie("csrftoken");
      if (token && new URL(request.url, window.location.href).origin === window.location.origin) {
        request.headers["X-CSRFToken"] = token;
      }
      return request;
    },
  });
})();
