import express from 'express';
import type { Express } from 'express';
import { changeResidency } from './api/consumers.ts';
import { browsersToDashboard, dashboard } from './api/dashboard.ts';
import { events } from './api/events.ts';
import { history } from './api/history.ts';
import { changeModel, model, models, speechModels, voices } from './api/models.ts';
import { jsonBody } from './api/json-body.ts';
import { logs } from './api/logs.ts';
import { releaseLease, renewLease, takeLease } from './api/leases.ts';
import { metrics } from './api/metrics.ts';
import { notFound } from './api/not-found.ts';
import { openapi } from './api/openapi.ts';
import { pause, resume } from './api/pause.ts';
import { plan } from './api/plan.ts';
import { cancelQueued, showQueue } from './api/queue.ts';
import type { ApiServices } from './api/services.ts';
import { healthz, index, readyz, status } from './api/status.ts';
import { KINDS } from './config/types.ts';
import { OPERATIONS } from './core/operations.ts';
import { accessCheck } from './middlewares/access.ts';
import type { AccessRules } from './middlewares/access-rules.ts';
import { accessLog } from './middlewares/access-log.ts';
import type { AccessLogServices } from './middlewares/access-log.ts';
import { concurrencyLimit } from './middlewares/concurrency-limit.ts';
import { authorize } from './middlewares/authorize.ts';
import type { AuthorizeServices } from './middlewares/authorize.ts';
import { cors } from './middlewares/cors.ts';
import { errorHandler } from './middlewares/error-handler.ts';
import { gpuGate } from './middlewares/gpu-gate.ts';
import type { LeaseGiver } from './middlewares/gpu-gate.ts';
import { headerLimit } from './middlewares/header-limit.ts';
import { healthGate } from './middlewares/health-gate.ts';
import { inOrder } from './middlewares/in-order.ts';
import { nativeDoor } from './middlewares/native-door.ts';
import { onlyMethods } from './middlewares/method-guard.ts';
import { routeModel } from './middlewares/model-route.ts';
import type { Proxy } from './middlewares/proxy.ts';
import { routeAudio, routeKind, routeVoices } from './middlewares/route.ts';
import { refuseWhileDraining } from './middlewares/draining.ts';
import { takeBody } from './middlewares/take-body.ts';
import type { TakeBodyServices } from './middlewares/take-body.ts';
import { translate } from './middlewares/translate.ts';
import type { TranslateServices } from './middlewares/translate.ts';
import { tunnel } from './middlewares/tunnel.ts';
import { cutUnread } from './middlewares/unread-answer.ts';

/** What the stages need. */
export interface ServerServices extends AccessLogServices, TakeBodyServices, LeaseGiver, TranslateServices, ApiServices, AuthorizeServices {
  readonly proxy: Proxy;
  accessRules(): AccessRules;
  isDraining(): boolean;
}

/** Ungated requests to one consumer at the same time; below the socket limit of its agent. */
const UNGATED = 128;

/** The ordered list of stages that a request passes. Paths are given to `route(…).all`: `app.all` makes an entry for each of 35 methods. */
export function createApp(services: ServerServices): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('strict routing');

  const limits = [refuseWhileDraining(services), concurrencyLimit(UNGATED)];
  const native = nativeDoor(services, {
    gated: inOrder(healthGate(), takeBody(services), gpuGate(services), tunnel(services), services.proxy.stage),
    ungated: inOrder(...limits, tunnel(services), services.proxy.stage),
  });
  const { accessRules } = services;
  const welcome = [accessLog(services), headerLimit, accessCheck(accessRules), cors(() => accessRules().origins)];
  app.use(inOrder(...welcome, browsersToDashboard, authorize(services), native));

  const gated = [gpuGate(services), services.proxy.stage];
  const ungated = [...limits, services.proxy.stage];
  // Express tries one after the other, so what comes often comes first. Not a named wildcard: that would decode the path, and refuse what cannot be decoded.
  app.route(/^\/audio\/./).all(inOrder(onlyMethods('GET', 'HEAD'), routeAudio(services), ...ungated));
  for (const kind of KINDS) {
    app.route(`/v1/${kind}`).all(inOrder(onlyMethods('POST'), routeKind(kind, services), healthGate(), takeBody(services), ...gated));
  }
  for (const operation of OPERATIONS) {
    app.route(operation.path).all(inOrder(onlyMethods('POST'), takeBody(services), routeModel(operation, services), translate(services), healthGate(), ...gated));
  }
  app.route('/v1/audio/voices').all(inOrder(onlyMethods('GET', 'HEAD'), voices(services), routeVoices(services), ...ungated));
  app.use(cutUnread);
  addOwnRoutes(app, services);

  app.use(notFound);
  app.use(errorHandler(services.logger));
  return app;
}

/** What is answered here, without any consumer. */
function addOwnRoutes(app: Express, services: ServerServices): void {
  app.route(['/v1/models', '/models']).all(onlyMethods('GET', 'HEAD'), models(services));
  // The id may hold slashes.
  app.route(/^\/v1\/models\/./).all(onlyMethods('GET', 'HEAD'), model(services));
  app.route('/models/load').all(onlyMethods('POST'), jsonBody, changeModel('load', services));
  app.route('/models/unload').all(onlyMethods('POST'), jsonBody, changeModel('unload', services));
  app.route('/v1/audio/models').all(onlyMethods('GET', 'HEAD'), speechModels(services));
  app.route('/v1/status').all(onlyMethods('GET', 'HEAD'), status(services));
  app.route('/openapi.json').all(onlyMethods('GET', 'HEAD'), openapi());
  app.route('/v1/events').all(onlyMethods('GET', 'HEAD'), events(services));
  app.route('/metrics').all(onlyMethods('GET', 'HEAD'), metrics(services));
  app.route('/v1/history').all(onlyMethods('GET', 'HEAD'), history(services));
  app.route('/v1/plan').all(onlyMethods('GET', 'HEAD'), plan(services));
  app.route('/v1/queue').all(onlyMethods('GET', 'HEAD'), showQueue(services));
  app.route('/v1/queue/:id').all(onlyMethods('DELETE'), cancelQueued(services));
  app.route('/v1/logs').all(onlyMethods('GET', 'HEAD'), logs(services));
  app.route('/v1/leases').all(onlyMethods('POST'), jsonBody, takeLease(services));
  app.route('/v1/leases/:id').all(onlyMethods('PUT', 'DELETE'));
  app.put('/v1/leases/:id', jsonBody, renewLease(services));
  app.delete('/v1/leases/:id', releaseLease(services));
  app.route('/v1/pause').all(onlyMethods('POST'), jsonBody, pause(services));
  app.route('/v1/resume').all(onlyMethods('POST'), resume(services));
  app.route('/v1/consumers/:name/load').all(onlyMethods('POST'), changeResidency('load', services));
  app.route('/v1/consumers/:name/unload').all(onlyMethods('POST'), changeResidency('unload', services));
  app.route('/healthz').all(onlyMethods('GET', 'HEAD'), healthz);
  app.route('/readyz').all(onlyMethods('GET', 'HEAD'), readyz(services));
  app.route('/').all(onlyMethods('GET', 'HEAD'), index);
  app.route(/^\/ui(?:\/|$)/).all(onlyMethods('GET', 'HEAD'), dashboard());
}
