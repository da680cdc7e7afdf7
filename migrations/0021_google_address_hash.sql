-- Google hashes addresses at gmail.com and googlemail.com without the dots before the @. Nothing here: as email_hash.
alter table customers add column email_hash_google bytea;
