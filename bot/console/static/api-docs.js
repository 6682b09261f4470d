const place = document.getElementById('api')
SwaggerUIBundle({ domNode: place, url: place.dataset.openapi, deepLinking: true, validatorUrl: null })
