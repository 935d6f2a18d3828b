"""The limit: one prepared statement that builds the JSON in PostgreSQL, under a bare WSGI application.

No sign-in, no rights read, no headers beyond the type: what is left is what the database itself needs for the same members of the same
rows. The statements say the visibility of the very person, with its organizations given.
"""

from collections.abc import Callable, Iterable
from typing import Any

import psycopg

ROOT = "'http://testserver/api/v1/"
STAMPS = (
    "public_id AS id, {0}.version, {0}.created_at, {0}.updated_at, {0}.state, {0}.waiting_for, {0}.step, {0}.due_at"
)

OFFERINGS = f"""
SELECT json_build_object('results', coalesce(json_agg(row_to_json(p)), '[]'), 'next', null, 'previous', null)::text FROM (
SELECT o.{STAMPS.format("o")}, '{{}}'::text[] AS allowed_actions,
  coalesce(nullif(o.code, ''), o.public_id::text) AS reference, o.external_id, o.source, p.public_id AS provider_id,
  p.code AS provider_code, o.titles, o.summaries, o.objectives, o.prerequisites, o.language_of_record, o.themes,
  o.scheme_concepts, o.form, (SELECT coalesce(t.labels->>'en', o.form) FROM vocabularies_term t
    WHERE t.scheme_id = %(forms)s AND t.code = o.form) AS form_label, o.modality, o.components,
  o.sequence, o.is_umbrella, s.code AS series, g.code AS programme, o.languages, o.interpretation_possible, o.audiences,
  o.level, o.governance_levels, o.customisable, o.accepts_lead, o.scope, o.countries_served, o.regions_served, o.places,
  o.in_country_on_request, o.on_request, o.lead_time_days, o.duration_hours, o.workload_hours_per_week,
  o.participants_min, o.participants_max, o.cost_per_delivery::text, o.cost_per_participant::text, o.currency,
  o.cost_includes, o.cost_items, o.award, o.accreditor, o.reach,
  coalesce((SELECT json_agg(json_build_object('organization', json_build_object('code', n.code, 'name', n.names->>'en'),
    'role', m.role) ORDER BY m.id) FROM providers_offeringpartner m JOIN accounts_organization n
    ON n.id = m.organization_id WHERE m.offering_id = o.id), '[]') AS partners,
  json_build_object('panel', o.vetting_panel, 'verdict', o.vetting_verdict, 'vetted_on', o.vetted_on,
    'expires_on', o.vetting_expires_on) AS vetting,
  json_build_object('evaluations', o.outcome_count, 'answers', o.outcome_answers, 'mean', o.outcome_mean) AS track_record,
  json_build_object('self', {ROOT}offerings/' || o.public_id) AS links
FROM providers_offering o JOIN providers_provider p ON p.id = o.provider_id
LEFT JOIN providers_offering s ON s.id = o.series_id LEFT JOIN accounts_programme g ON g.id = o.programme_id
WHERE (o.state = 'published' AND p.state = 'verified') OR p.organization_id = ANY(%(ids)s)
ORDER BY o.created_at DESC, o.id DESC LIMIT 50) p
"""

LIVE = "requests_app_requestline l WHERE l.request_id = r.id AND l.state <> 'dropped'"
NAMES = "FROM requests_app_trainingrequest_{0} m JOIN accounts_organization n ON n.id = m.organization_id"
REQUESTS = f"""
SELECT json_build_object('results', coalesce(json_agg(row_to_json(p)), '[]'), 'next', null, 'previous', null)::text FROM (
SELECT r.{STAMPS.format("r")}, '{{change}}'::text[] AS allowed_actions, r.reference, r.external_id, false AS summary_only,
  r.content_version, json_build_object('code', q.code, 'name', q.names->>'en') AS requesting_organization,
  coalesce((SELECT json_agg(n.code ORDER BY n.code) {NAMES.format("co_requesters")} WHERE m.trainingrequest_id = r.id), '[]')
    AS co_requesters,
  coalesce((SELECT json_agg(n.code ORDER BY n.code) {NAMES.format("beneficiaries")} WHERE m.trainingrequest_id = r.id), '[]')
    AS beneficiaries,
  coalesce((SELECT json_agg(n.code ORDER BY n.code) {NAMES.format("excluded_organizations")}
    WHERE m.trainingrequest_id = r.id), '[]') AS excluded_organizations,
  coalesce((SELECT json_agg(json_build_array(least(a.code, b.code), greatest(a.code, b.code)))
    FROM requests_app_keptapart k JOIN accounts_organization a ON a.id = k.first_id
    JOIN accounts_organization b ON b.id = k.second_id WHERE k.request_id = r.id), '[]') AS kept_apart,
  r.lead_required, r.title, r.need_statement, r.language, n.themes, n.places, n.participants,
  json_build_object('must', r.languages_must, 'may', r.languages_may) AS languages, r.forms, r.modalities,
  CASE WHEN r.start_on IS NOT NULL THEN json_build_object('start', r.start_on, 'end', r.end_on, 'precision', r.precision) END
    AS "window",
  json_build_object('preference', r.place_preference, 'country', r.place_country, 'city', r.place_city) AS place,
  json_build_object('ceiling', r.budget_ceiling::text, 'currency', r.budget_currency, 'funding_state', r.funding_state,
    'funder', f.code) AS budget,
  r.award, e.code AS context_event, g.code AS programme, r.priority_facts, r.visibility,
  (SELECT min(c.given_at) FROM requests_app_postingconsent c WHERE c.request_id = r.id AND c.withdrawn_at IS NULL)
    AS posting_consent_at,
  r.channel, a.reference AS parent_request, r.parent_relation,
  coalesce((SELECT x.state FROM requests_app_endorsement x WHERE x.request_id = r.id
    ORDER BY array_position(ARRAY['refused', 'pending', 'expired', 'given'], x.state::text) LIMIT 1), 'not_required')
    AS endorsement,
  r.submitted_at, r.opened_at, r.reason_code, r.reason_text, r.conflicts,
  json_build_object('called_at', r.called_at, 'ends_at', r.call_ends_at, 'ended_at', r.call_ended_at,
    'waived_at', r.call_waived_at) AS call,
  z.reference AS merged_into,
  json_build_object('self', {ROOT}requests/' || r.public_id, 'lines', {ROOT}requests/' || r.public_id || '/lines',
    'clarifications', {ROOT}requests/' || r.public_id || '/clarifications', 'endorsements',
    {ROOT}requests/' || r.public_id || '/endorsements', 'documents', {ROOT}requests/' || r.public_id || '/documents')
    AS links
FROM requests_app_trainingrequest r JOIN accounts_organization q ON q.id = r.requesting_organization_id
LEFT JOIN accounts_organization f ON f.id = r.funder_id LEFT JOIN accounts_programme g ON g.id = r.programme_id
LEFT JOIN accounts_contextevent e ON e.id = r.context_event_id
LEFT JOIN requests_app_trainingrequest a ON a.id = r.parent_request_id
LEFT JOIN requests_app_trainingrequest z ON z.id = r.merged_into_id
LEFT JOIN LATERAL (SELECT json_agg(DISTINCT l.theme) AS themes, json_agg(DISTINCT l.country) AS places,
  json_build_object('min', sum(l.participants_min), 'max', sum(l.participants_max), 'placed', sum(l.claimed),
    'free', sum(l.participants_max - l.claimed)) AS participants FROM {LIVE}) n ON true
WHERE r.requesting_organization_id = ANY(%(ids)s) OR r.funder_id = ANY(%(ids)s)
  OR r.id IN (SELECT trainingrequest_id FROM requests_app_trainingrequest_co_requesters WHERE organization_id = ANY(%(ids)s))
  OR r.id IN (SELECT request_id FROM requests_app_requestshare WHERE organization_id = ANY(%(ids)s) AND ended_at IS NULL)
ORDER BY r.created_at DESC, r.id DESC LIMIT 50) p
"""
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def application(server: psycopg.Connection, statement: str, parameters: dict[str, Any]) -> Wsgi:
    """Make the WSGI application that answers each call with the one statement."""
    cursor = server.cursor()

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        row = cursor.execute(statement, parameters, prepare=True).fetchone()
        body: bytes = (row[0] if row else "").encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return answer
