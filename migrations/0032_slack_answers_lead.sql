-- What an answer opens with, before its text: whom it is for, or what was meant.
alter table slack_answers add column lead text not null default '';
