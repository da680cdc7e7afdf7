-- A changed order restates the days of its refunds.
create index refunds_of_order on refunds (org_id, order_id);
