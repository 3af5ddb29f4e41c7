BEGIN TRANSACTION;
CREATE TABLE deliveries (
      sink TEXT NOT NULL,
      upload_id TEXT NOT NULL,
      seq INTEGER NOT NULL REFERENCES events (seq) ON DELETE CASCADE,
      state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'dead', 'delivered')),
      attempts INTEGER NOT NULL DEFAULT 0,
      due_at REAL NOT NULL,
      error TEXT,
      PRIMARY KEY (sink, upload_id, seq)
    ) WITHOUT ROWID
    ;
INSERT INTO "deliveries" VALUES('sink','00000000000000000000000000000009',1,'delivered',0,2.0,NULL);
INSERT INTO "deliveries" VALUES('sink','00000000000000000000000000000009',2,'dead',1,3.0,'HTTP 500');
INSERT INTO "deliveries" VALUES('sink','00000000000000000000000000000009',3,'pending',0,4.0,NULL);
CREATE TABLE entries (
      upload_id TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
      seq INTEGER NOT NULL,
      document TEXT NOT NULL,
      PRIMARY KEY (upload_id, seq)
    ) WITHOUT ROWID
    ;
INSERT INTO "entries" VALUES('00000000000000000000000000000001',1,'{"n":1,"len":5,"etag":"x"}');
INSERT INTO "entries" VALUES('00000000000000000000000000000001',2,'{"n":2,"len":2,"etag":"y"}');
CREATE TABLE events (
      seq INTEGER PRIMARY KEY AUTOINCREMENT,
      id TEXT NOT NULL UNIQUE,
      upload_id TEXT NOT NULL,
      type TEXT NOT NULL,
      at REAL NOT NULL,
      document TEXT NOT NULL
    );
INSERT INTO "events" VALUES(1,'evt_00000000000000000000000000000009_created','00000000000000000000000000000009','created',2.0,'{"reason":null,"before":null,"request":null,"upload":{"id":"00000000000000000000000000000009","kind":"regular","phase":"open","length":3,"explicit_completion":false,"offset":0,"owner":null,"metadata":{},"partials":[],"direct":null,"troubled_at":null,"presigned_until":null,"parts_check_at":null,"cursor":{},"etag":null,"digest_algorithm":null,"digest":null,"created_at":1.0,"updated_at":2.0,"expires_at":null,"revision":1,"waits":false,"signed_until":null,"count_at":null}}');
INSERT INTO "events" VALUES(2,'evt_00000000000000000000000000000009_rolled-back','00000000000000000000000000000009','rolled-back',3.0,'{"reason":"rolled-back","before":5,"request":null,"upload":{"id":"00000000000000000000000000000009","kind":"regular","phase":"open","length":3,"explicit_completion":false,"offset":0,"owner":null,"metadata":{},"partials":[],"direct":null,"troubled_at":null,"presigned_until":null,"parts_check_at":null,"cursor":{},"etag":null,"digest_algorithm":null,"digest":null,"created_at":1.0,"updated_at":3.0,"expires_at":null,"revision":2,"waits":false,"signed_until":null,"count_at":null}}');
INSERT INTO "events" VALUES(3,'evt_00000000000000000000000000000009_terminated','00000000000000000000000000000009','terminated',4.0,'{"reason":"client","before":null,"request":null,"upload":{"id":"00000000000000000000000000000009","kind":"regular","phase":"open","length":3,"explicit_completion":false,"offset":0,"owner":null,"metadata":{},"partials":[],"direct":null,"troubled_at":null,"presigned_until":null,"parts_check_at":null,"cursor":{},"etag":null,"digest_algorithm":null,"digest":null,"created_at":1.0,"updated_at":4.0,"expires_at":null,"revision":3,"waits":false,"signed_until":null,"count_at":null}}');
CREATE TABLE grants (jti TEXT PRIMARY KEY, uses INTEGER NOT NULL, expires_at REAL NOT NULL);
CREATE TABLE installation (one INTEGER PRIMARY KEY CHECK (one = 1), document TEXT NOT NULL);
INSERT INTO "installation" VALUES(1,'{"id":"abababababababababababababababab","stored":true,"adopted_at":null}');
CREATE TABLE sinks (name TEXT PRIMARY KEY, format TEXT NOT NULL, types TEXT NOT NULL);
INSERT INTO "sinks" VALUES('sink','cloudevents','created,expired,finished,lost,rolled-back,terminated');
CREATE TABLE unfinished (
      one INTEGER PRIMARY KEY CHECK (one = 1), uploads INTEGER NOT NULL, claimed INTEGER NOT NULL
    );
INSERT INTO "unfinished" VALUES(1,3,20);
CREATE TABLE uploads (id TEXT PRIMARY KEY, revision INTEGER NOT NULL, due_at REAL, document TEXT NOT NULL, account TEXT, reserved INTEGER, stored INTEGER NOT NULL DEFAULT 0, claim INTEGER, counted INTEGER, name TEXT);
INSERT INTO "uploads" VALUES('00000000000000000000000000000001',2,NULL,'{"id":"00000000000000000000000000000001","kind":"regular","phase":"open","length":10,"waits":false,"offset":7,"metadata":{"filename":"YSBiLnR4dA==","raw":"/w=="},"partials":[],"direct":null,"troubled_at":null,"signed_until":null,"count_at":null,"cursor":{"parts":1},"etag":null,"digest_algorithm":null,"digest":null,"created_at":1.0,"updated_at":1.0,"expires_at":null,"revision":2}','-',10,0,10,2,NULL);
INSERT INTO "uploads" VALUES('00000000000000000000000000000002',1,NULL,'{"id":"00000000000000000000000000000002","kind":"regular","phase":"open","length":null,"waits":true,"offset":0,"metadata":{},"partials":[],"direct":null,"troubled_at":null,"signed_until":null,"count_at":null,"cursor":{},"etag":null,"digest_algorithm":null,"digest":null,"created_at":1.0,"updated_at":1.0,"expires_at":null,"revision":1}','-',0,0,0,1,NULL);
INSERT INTO "uploads" VALUES('00000000000000000000000000000003',1,NULL,'{"id":"00000000000000000000000000000003","kind":"final","phase":"done","length":10,"waits":false,"offset":10,"metadata":{},"partials":["00000000000000000000000000000001"],"direct":null,"troubled_at":null,"signed_until":null,"count_at":null,"cursor":{},"etag":"e","digest_algorithm":"sha256","digest":"00","created_at":1.0,"updated_at":1.0,"expires_at":null,"revision":1}','-',NULL,10,NULL,1,NULL);
INSERT INTO "uploads" VALUES('00000000000000000000000000000004',1,33.0,'{"id":"00000000000000000000000000000004","kind":"regular","phase":"terminating","length":10,"waits":false,"offset":0,"metadata":{},"partials":[],"direct":"whole","troubled_at":3.0,"signed_until":20.0,"count_at":null,"cursor":{},"etag":null,"digest_algorithm":null,"digest":null,"created_at":1.0,"updated_at":1.0,"expires_at":null,"revision":1}','-',NULL,0,NULL,1,NULL);
INSERT INTO "uploads" VALUES('00000000000000000000000000000005',1,8.0,'{"id":"00000000000000000000000000000005","kind":"regular","phase":"open","length":10,"waits":false,"offset":0,"metadata":{},"partials":[],"direct":"parts","troubled_at":null,"signed_until":null,"count_at":8.0,"cursor":{},"etag":null,"digest_algorithm":null,"digest":null,"created_at":1.0,"updated_at":1.0,"expires_at":50.0,"revision":1}','-',10,0,10,1,NULL);
CREATE TABLE usage (
      account TEXT PRIMARY KEY, stored INTEGER NOT NULL, reserved INTEGER NOT NULL, uploads INTEGER NOT NULL
    ) WITHOUT ROWID
    ;
INSERT INTO "usage" VALUES('-',10,20,3);
CREATE INDEX uploads_by_due_at ON uploads (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_by_due_at ON deliveries (sink, due_at) WHERE state = 'pending';
CREATE INDEX deliveries_by_state ON deliveries (state, seq, sink);
CREATE INDEX deliveries_by_event ON deliveries (seq, sink);
CREATE INDEX events_by_time ON events (at);
CREATE INDEX grants_by_expiry ON grants (expires_at);
CREATE UNIQUE INDEX uploads_by_name ON uploads (name) WHERE name IS NOT NULL;
CREATE TRIGGER charge_created AFTER INSERT ON uploads BEGIN 
    INSERT INTO usage (account, stored, reserved, uploads)
    SELECT new.account, new.stored, coalesce(new.reserved, 0), new.reserved IS NOT NULL
    WHERE new.account <> '' AND (new.stored > 0 OR new.reserved IS NOT NULL)
    ON CONFLICT (account) DO UPDATE SET
      stored = stored + excluded.stored, reserved = reserved + excluded.reserved, uploads = uploads + excluded.uploads;
 END;
CREATE TRIGGER charge_saved AFTER UPDATE OF account, stored, reserved ON uploads
    WHEN old.stored IS NOT new.stored OR old.reserved IS NOT new.reserved OR old.account IS NOT new.account
    BEGIN 
    UPDATE usage SET
      stored = stored - old.stored,
      reserved = reserved - coalesce(old.reserved, 0),
      uploads = uploads - (old.reserved IS NOT NULL)
    WHERE account = old.account;
 
    INSERT INTO usage (account, stored, reserved, uploads)
    SELECT new.account, new.stored, coalesce(new.reserved, 0), new.reserved IS NOT NULL
    WHERE new.account <> '' AND (new.stored > 0 OR new.reserved IS NOT NULL)
    ON CONFLICT (account) DO UPDATE SET
      stored = stored + excluded.stored, reserved = reserved + excluded.reserved, uploads = uploads + excluded.uploads;
 DELETE FROM usage WHERE account = old.account AND stored = 0 AND reserved = 0 AND uploads = 0; END;
CREATE TRIGGER charge_deleted AFTER DELETE ON uploads BEGIN 
    UPDATE usage SET
      stored = stored - old.stored,
      reserved = reserved - coalesce(old.reserved, 0),
      uploads = uploads - (old.reserved IS NOT NULL)
    WHERE account = old.account;
 DELETE FROM usage WHERE account = old.account AND stored = 0 AND reserved = 0 AND uploads = 0; END;
CREATE TRIGGER claim_created AFTER INSERT ON uploads WHEN new.claim IS NOT NULL BEGIN
      UPDATE unfinished SET uploads = uploads + 1, claimed = claimed + new.claim;
    END;
CREATE TRIGGER claim_saved AFTER UPDATE OF claim ON uploads WHEN old.claim IS NOT new.claim BEGIN
      UPDATE unfinished SET
        uploads = uploads - (old.claim IS NOT NULL) + (new.claim IS NOT NULL),
        claimed = claimed - coalesce(old.claim, 0) + coalesce(new.claim, 0);
    END;
CREATE TRIGGER claim_deleted AFTER DELETE ON uploads WHEN old.claim IS NOT NULL BEGIN
      UPDATE unfinished SET uploads = uploads - 1, claimed = claimed - old.claim;
    END;
CREATE TRIGGER older_created AFTER INSERT ON uploads WHEN new.counted IS NOT new.revision
    BEGIN UPDATE uploads SET account = coalesce(account, json_extract(document, '$.account'), json_extract(document, '$.owner'), '-'), stored = CASE WHEN json_extract(document, '$.phase') IN ('done') THEN min(json_extract(document, '$.offset'), 9007199254740992) ELSE 0 END, reserved = CASE WHEN json_extract(document, '$.phase') IN ('finishing', 'open') THEN min(max(coalesce(json_extract(document, '$.length'), json_extract(document, '$.offset')), coalesce(json_extract(document, '$.reserved'), 0)), 9007199254740992) END, claim = CASE WHEN json_extract(document, '$.phase') IN ('finishing', 'open') THEN min(coalesce(json_extract(document, '$.length'), json_extract(document, '$.offset')), 9007199254740992) END, counted = revision WHERE id = new.id; END;
CREATE TRIGGER older_saved AFTER UPDATE OF document ON uploads
    WHEN new.counted IS NOT new.revision BEGIN UPDATE uploads SET account = coalesce(account, json_extract(document, '$.account'), json_extract(document, '$.owner'), '-'), stored = CASE WHEN json_extract(document, '$.phase') IN ('done') THEN min(json_extract(document, '$.offset'), 9007199254740992) ELSE 0 END, reserved = CASE WHEN json_extract(document, '$.phase') IN ('finishing', 'open') THEN min(max(coalesce(json_extract(document, '$.length'), json_extract(document, '$.offset')), coalesce(json_extract(document, '$.reserved'), 0)), 9007199254740992) END, claim = CASE WHEN json_extract(document, '$.phase') IN ('finishing', 'open') THEN min(coalesce(json_extract(document, '$.length'), json_extract(document, '$.offset')), 9007199254740992) END, counted = revision WHERE id = new.id; END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',3);
COMMIT;
PRAGMA user_version = 5;
