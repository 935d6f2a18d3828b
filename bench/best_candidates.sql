WITH fit AS MATERIALIZED (
  SELECT o.*, %(today)s + o.lead AS soonest, o.audiences && %(audience)s::text[] AS meant
  FROM bench_offers o
  WHERE o.themes && %(themes)s::int[] AND o.served && %(served)s::text[] AND o.market AND o.vetted >= %(today)s
    AND (o.audiences && %(audience)s::text[] OR o.customisable)
    AND (%(level)s < 0 OR o.level < 0 OR o.level = %(level)s OR o.customisable)
    AND (o.award < 0 OR o.award >= %(award)s)
), timed AS MATERIALIZED (
  SELECT f.id, s.kind, s.free, s.total, s.group_min, %(language)s::text = ANY(s.languages) AS native,
    CASE s.kind WHEN 0 THEN greatest(1, s.free) ELSE f.largest END AS room,
    CASE s.kind WHEN 0 THEN s.free WHEN 2 THEN %(deliveries)s * f.largest
      ELSE s.free / greatest(1, s.per_delivery) * f.largest END AS available,
    CASE s.kind WHEN 0 THEN s.first ELSE d.begins END AS begins,
    d.latest + 1 - d.days - d.begins AS spare,
    CASE s.kind WHEN 0 THEN least(s.closes, s.first) - %(today)s ELSE d.latest + 1 - d.days - d.ready END AS notice,
    f.currency, f.per_delivery, f.per_participant
  FROM fit f
  JOIN bench_slots s ON s.offer = f.id
  CROSS JOIN LATERAL (
    SELECT greatest(s.first, f.soonest) AS ready, greatest(s.first, f.soonest, %(opens)s) AS begins,
      least(s.last, %(closes)s) AS latest, CASE s.kind WHEN 3 THEN 1 ELSE f.duration END AS days
  ) d
  WHERE (f.interpretation OR %(language)s::text = ANY(s.languages))
    AND CASE s.kind
      WHEN 0 THEN s.bookable AND s.first > %(today)s AND s.closes >= %(today)s AND s.first >= %(opens)s AND s.last <= %(closes)s
      WHEN 4 THEN false
      ELSE d.begins + CASE WHEN f.customisable THEN (d.days + 1) / 2 ELSE d.days END - 1 <= d.latest END
), seated AS MATERIALIZED (
  SELECT t.*, CASE WHEN r.uneven THEN (r.runs - 1) * t.room ELSE w.wished END AS seats,
    CASE WHEN r.uneven THEN r.runs - 1 ELSE r.runs END AS runs
  FROM timed t
  CROSS JOIN LATERAL (SELECT least(%(most)s, t.available) AS wished) w
  CROSS JOIN LATERAL (
    SELECT greatest(1, (w.wished + t.room - 1) / t.room) AS runs,
      w.wished > t.room AND w.wished < (w.wished + t.room - 1) / t.room * t.group_min AS uneven
  ) r
  WHERE t.available >= greatest(%(least)s, t.group_min) AND %(most)s >= t.group_min
    AND (NOT r.uneven OR (r.runs - 1) * t.room >= %(least)s)
), priced AS MATERIALIZED (
  SELECT s.*, p.least_seats, p.fills,
    CASE s.currency WHEN '' THEN NULL WHEN 'EUR' THEN (p.whole * 22 + 10) / 20 ELSE p.whole END AS cost,
    CASE s.currency WHEN '' THEN NULL WHEN 'EUR' THEN (p.few * 22 + 10) / 20 ELSE p.few END AS least_cost
  FROM seated s
  CROSS JOIN LATERAL (SELECT least(s.seats, greatest(s.group_min, %(least)s)) AS least_seats) l
  CROSS JOIN LATERAL (
    SELECT CASE s.kind WHEN 0 THEN 1 ELSE greatest(1, (l.least_seats + s.room - 1) / s.room) END AS least_runs
  ) n
  CROSS JOIN LATERAL (
    SELECT l.least_seats, n.least_runs = 1 OR l.least_seats >= n.least_runs * s.group_min AS fills,
      s.runs * s.per_delivery + s.seats * s.per_participant AS whole,
      n.least_runs * s.per_delivery + l.least_seats * s.per_participant AS few
  ) p
), valued AS MATERIALIZED (
  SELECT p.id, p.begins,
    %(w_language)s * CASE WHEN p.native THEN 1000 ELSE 400 END AS language,
    %(w_dates)s * CASE WHEN p.kind = 0 THEN 1000 WHEN p.spare < 0 THEN 400
      WHEN p.kind = 1 THEN 500 + 5 * least(60, p.spare) WHEN p.kind = 3 THEN 900 ELSE 500 END AS dates,
    p.kind <> 2 AS dates_known,
    %(w_group)s * least(1000, 1000 * f.seats / %(most)s) AS size,
    %(w_cost)s * CASE WHEN f.cost IS NULL THEN 500 WHEN 1000 * f.cost / %(ceiling)s <= 500 THEN 1000
      ELSE 1000 - (1000 * f.cost / %(ceiling)s - 500) * 4 / 5 END AS cost,
    f.cost IS NOT NULL AS cost_known,
    %(w_lead_time)s * least(1000, 1000 * greatest(0, p.notice) / 60) AS lead_time,
    %(w_load)s * CASE WHEN p.free >= 0 AND p.total > 0 THEN least(1000, 1000 * p.free / p.total) ELSE 500 END AS load,
    p.free >= 0 AND p.total > 0 AS load_known
  FROM priced p
  CROSS JOIN LATERAL (
    SELECT CASE WHEN p.cost > %(ceiling)s THEN p.least_seats ELSE p.seats END AS seats,
      CASE WHEN p.cost > %(ceiling)s THEN p.least_cost ELSE p.cost END AS cost
  ) f
  WHERE p.cost IS NULL OR p.cost <= %(ceiling)s OR (p.least_cost <= %(ceiling)s AND p.fills AND p.least_seats < p.seats)
), best AS MATERIALIZED (
  SELECT DISTINCT ON (id) * FROM valued
  ORDER BY id, language + dates + size + cost + lead_time + load DESC, begins, load DESC
), reasoned AS MATERIALIZED (
  SELECT b.*,
    %(w_theme)s * ((6 * t.closeness + 2 * (t.covered + 1000 * t.met / cardinality(f.themes))) / 10) AS theme,
    %(w_place)s * ((5 * CASE WHEN %(country)s::text = ANY(f.served) THEN 1000
      WHEN %(region)s::text = ANY(f.served) THEN 850 ELSE 500 END + 3000
      + 2 * CASE WHEN f.home = ANY(%(neighbours)s::text[]) THEN 600 ELSE 200 END) / 10) AS place,
    %(w_audience)s * ((5 * CASE WHEN f.meant THEN 1000 ELSE 400 END + 3 * CASE WHEN %(level)s < 0 THEN 1000
      WHEN f.level < 0 THEN 500 ELSE (ARRAY[1000, 600, 200])[1 + abs(f.level - %(level)s)] END + 2000) / 10) AS audience,
    %(level)s < 0 OR f.level >= 0 AS audience_known,
    %(w_track_record)s * ((10 * ((7000 + f.form_evaluations * f.form_mean) / (10 + f.form_evaluations))
      + f.evaluations * f.mean) / (10 + f.evaluations)) AS track_record,
    f.evaluations > 0 AS track_record_known,
    %(w_text)s * coalesce((
      SELECT 1000 * sum(p.part) / %(likest)s FROM unnest(f.words, f.parts) AS p(word, part) WHERE p.word = ANY(%(words)s::int[])
    ), 0) AS text,
    %(w_award)s * CASE WHEN %(award)s = 0 OR f.award >= 0 THEN 1000 ELSE 500 END AS award,
    %(award)s = 0 OR f.award >= 0 AS award_known,
    %(w_newcomer)s * (1000 * greatest(0, 5 - f.deliveries) / 5) AS newcomer
  FROM best b
  JOIN fit f USING (id)
  CROSS JOIN LATERAL (
    SELECT max(c.closeness) AS closeness, count(*) FILTER (WHERE c.relation <= 2) AS met,
      CASE WHEN bool_or(c.relation = 0) THEN
          CASE WHEN %(parts)s > 0 THEN 500 + 500 * count(*) FILTER (WHERE c.relation = 1) / greatest(1, %(parts)s) ELSE 1000 END
        WHEN bool_or(c.relation = 1) THEN 1000 * count(*) FILTER (WHERE c.relation = 1) / greatest(1, %(parts)s)
        WHEN bool_or(c.relation = 2) THEN 500 ELSE 0 END AS covered
    FROM unnest(f.themes) AS t(theme)
    CROSS JOIN LATERAL (
      SELECT (%(closeness)s::int[])[t.theme + 1] AS closeness, (%(relations)s::int[])[t.theme + 1] AS relation
    ) c
  ) t
)
SELECT id, theme + place + audience + language + dates + size + cost + track_record + lead_time + text + award + load + newcomer AS score,
  theme, place, audience, language, dates, size, cost, track_record, lead_time, text, award, load, newcomer,
  true, true, audience_known, true, dates_known, true, cost_known, track_record_known, true, true, award_known, load_known, true
FROM reasoned
ORDER BY score DESC, begins, load DESC, id LIMIT 20
