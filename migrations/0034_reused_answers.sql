-- An answer of a model that is given again to an identical question is written down as well, at no cost.
alter table model_calls drop constraint model_calls_state_check;
alter table model_calls add constraint model_calls_state_check
    check (state in ('ok', 'error', 'timeout', 'broken', 'reused'));
