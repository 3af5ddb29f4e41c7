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
CREATE TABLE installation (one INTEGER PRIMARY KEY CHECK (one = 1), document TEXT NOT NULL);
INSERT INTO "installation" VALUES(1,'{"id":"abababababababababababababababab","stored":true,"adopted_at":null}');
CREATE TABLE sinks (name TEXT PRIMARY KEY, format TEXT NOT NULL, types TEXT NOT NULL);
INSERT INTO "sinks" VALUES('sink','cloudevents','created,expired,finished,lost,rolled-back,terminated');
CREATE TABLE unfinished (
      one INTEGER PRIMARY KEY CHECK (one = 1), uploads INTEGER NOT NULL, claimed INTEGER NOT NULL
    );
INSERT INTO "unfinished" VALUES(1,3,20);
CREATE TABLE uploads (id TEXT PRIMARY KEY, revision INTEGER NOT NULL, due_at REAL, document TEXT NOT NULL);
INSERT INTO "uploads" VALUES('00000000000000000000000000000001',2,NULL,'{"id":"00000000000000000000000000000001","kind":"regular","phase":"open","length":10,"waits":false,"offset":7,"metadata":{"filename":"YSBiLnR4dA==","raw":"/w=="},"partials":[],"direct":null,"troubled_at":null,"signed_until":null,"count_at":null,"cursor":{"parts":1},"etag":null,"digest_algorithm":null,"digest":null,"created_at":1.0,"updated_at":1.0,"expires_at":null,"revision":2}');
INSERT INTO "uploads" VALUES('00000000000000000000000000000002',1,NULL,'{"id":"00000000000000000000000000000002","kind":"regular","phase":"open","length":null,"waits":true,"offset":0,"metadata":{},"partials":[],"direct":null,"troubled_at":null,"signed_until":null,"count_at":null,"cursor":{},"etag":null,"digest_algorithm":null,"digest":null,"created_at":1.0,"updated_at":1.0,"expires_at":null,"revision":1}');
INSERT INTO "uploads" VALUES('00000000000000000000000000000003',1,NULL,'{"id":"00000000000000000000000000000003","kind":"final","phase":"done","length":10,"waits":false,"offset":10,"metadata":{},"partials":["00000000000000000000000000000001"],"direct":null,"troubled_at":null,"signed_until":null,"count_at":null,"cursor":{},"etag":"e","digest_algorithm":"sha256","digest":"00","created_at":1.0,"updated_at":1.0,"expires_at":null,"revision":1}');
INSERT INTO "uploads" VALUES('00000000000000000000000000000004',1,33.0,'{"id":"00000000000000000000000000000004","kind":"regular","phase":"terminating","length":10,"waits":false,"offset":0,"metadata":{},"partials":[],"direct":"whole","troubled_at":3.0,"signed_until":20.0,"count_at":null,"cursor":{},"etag":null,"digest_algorithm":null,"digest":null,"created_at":1.0,"updated_at":1.0,"expires_at":null,"revision":1}');
INSERT INTO "uploads" VALUES('00000000000000000000000000000005',1,8.0,'{"id":"00000000000000000000000000000005","kind":"regular","phase":"open","length":10,"waits":false,"offset":0,"metadata":{},"partials":[],"direct":"parts","troubled_at":null,"signed_until":null,"count_at":8.0,"cursor":{},"etag":null,"digest_algorithm":null,"digest":null,"created_at":1.0,"updated_at":1.0,"expires_at":50.0,"revision":1}');
CREATE INDEX uploads_by_due_at ON uploads (due_at, id) WHERE due_at IS NOT NULL;
CREATE TRIGGER count_created AFTER INSERT ON uploads
    WHEN CASE WHEN json_extract(new.document, '$.phase') IN ('finishing', 'open') THEN min(coalesce(json_extract(new.document, '$.length'), json_extract(new.document, '$.offset')), 9007199254740992) END IS NOT NULL BEGIN
      UPDATE unfinished SET uploads = uploads + 1, claimed = claimed + CASE WHEN json_extract(new.document, '$.phase') IN ('finishing', 'open') THEN min(coalesce(json_extract(new.document, '$.length'), json_extract(new.document, '$.offset')), 9007199254740992) END;
    END;
CREATE TRIGGER count_saved AFTER UPDATE OF document ON uploads
    WHEN CASE WHEN json_extract(old.document, '$.phase') IN ('finishing', 'open') THEN min(coalesce(json_extract(old.document, '$.length'), json_extract(old.document, '$.offset')), 9007199254740992) END IS NOT CASE WHEN json_extract(new.document, '$.phase') IN ('finishing', 'open') THEN min(coalesce(json_extract(new.document, '$.length'), json_extract(new.document, '$.offset')), 9007199254740992) END BEGIN
      UPDATE unfinished SET
        uploads = uploads - (CASE WHEN json_extract(old.document, '$.phase') IN ('finishing', 'open') THEN min(coalesce(json_extract(old.document, '$.length'), json_extract(old.document, '$.offset')), 9007199254740992) END IS NOT NULL) + (CASE WHEN json_extract(new.document, '$.phase') IN ('finishing', 'open') THEN min(coalesce(json_extract(new.document, '$.length'), json_extract(new.document, '$.offset')), 9007199254740992) END IS NOT NULL),
        claimed = claimed - coalesce(CASE WHEN json_extract(old.document, '$.phase') IN ('finishing', 'open') THEN min(coalesce(json_extract(old.document, '$.length'), json_extract(old.document, '$.offset')), 9007199254740992) END, 0) + coalesce(CASE WHEN json_extract(new.document, '$.phase') IN ('finishing', 'open') THEN min(coalesce(json_extract(new.document, '$.length'), json_extract(new.document, '$.offset')), 9007199254740992) END, 0);
    END;
CREATE TRIGGER count_deleted AFTER DELETE ON uploads
    WHEN CASE WHEN json_extract(old.document, '$.phase') IN ('finishing', 'open') THEN min(coalesce(json_extract(old.document, '$.length'), json_extract(old.document, '$.offset')), 9007199254740992) END IS NOT NULL BEGIN
      UPDATE unfinished SET uploads = uploads - 1, claimed = claimed - CASE WHEN json_extract(old.document, '$.phase') IN ('finishing', 'open') THEN min(coalesce(json_extract(old.document, '$.length'), json_extract(old.document, '$.offset')), 9007199254740992) END;
    END;
CREATE INDEX deliveries_by_due_at ON deliveries (sink, due_at) WHERE state = 'pending';
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',3);
COMMIT;
PRAGMA user_version = 4;
