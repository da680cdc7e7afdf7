//! Fields of the API's objects that were looked at, whether they are used or not: others are new, and noted.

/// Those of the objects of a stream.
pub fn of(stream: &str) -> Vec<&'static str> {
    let fields = match stream {
        "customers" => CUSTOMER,
        "plans" => PRICE,
        "subscriptions" => SUBSCRIPTION,
        "invoices" => INVOICE,
        "refunds" => REFUND,
        "charges" => CHARGE,
        _ => "",
    };
    fields.split_whitespace().collect()
}

const CUSTOMER: &str = "
    address balance business_name cash_balance created currency customer_account default_source
    delinquent description discount email id individual_name invoice_credit_balance invoice_prefix
    invoice_settings livemode metadata name next_invoice_sequence object phone preferred_locales
    shipping sources subscriptions tax tax_exempt tax_ids test_clock";
const PRICE: &str = "
    active billing_scheme created currency currency_options custom_unit_amount id livemode lookup_key
    metadata nickname object product recurring tax_behavior tiers tiers_mode transform_quantity type
    unit_amount unit_amount_decimal";
const SUBSCRIPTION: &str = "
    application application_fee_percent automatic_tax billing_cycle_anchor billing_cycle_anchor_config
    billing_mode billing_schedules billing_thresholds cancel_at cancel_at_period_end canceled_at
    cancellation_details collection_method created currency current_period_end current_period_start
    customer customer_account days_until_due default_payment_method default_source default_tax_rates
    description discount discounts ended_at id invoice_settings items latest_invoice livemode
    managed_payments metadata next_pending_invoice_item_invoice object on_behalf_of pause_collection
    payment_settings pending_invoice_item_interval pending_setup_intent pending_update plan
    presentment_details quantity schedule start_date status test_clock transfer_data trial_end
    trial_settings trial_start";
const INVOICE: &str = "
    account_country account_name account_tax_ids amount_due amount_overpaid amount_paid amount_remaining
    amount_shipping application application_fee_amount attempt_count attempted auto_advance
    automatic_tax automatically_finalizes_at billing_reason charge collection_method confirmation_secret
    created currency custom_fields customer customer_account customer_address customer_email
    customer_name customer_phone customer_shipping customer_tax_exempt customer_tax_ids
    default_payment_method default_source default_tax_rates description discount discounts due_date
    effective_at ending_balance footer from_invoice hosted_invoice_url id invoice_pdf issuer
    last_finalization_error latest_revision lines livemode metadata next_payment_attempt number object
    on_behalf_of paid paid_out_of_band parent payment_intent payment_settings payments period_end
    period_start post_payment_credit_notes_amount pre_payment_credit_notes_amount quote receipt_number
    rendering rendering_options shipping_cost shipping_details starting_balance statement_descriptor
    status status_transitions subscription subscription_details subtotal subtotal_excluding_tax tax
    test_clock threshold_reason total total_discount_amounts total_excluding_tax
    total_pretax_credit_amounts total_tax_amounts total_taxes transfer_data webhooks_delivered_at";
const REFUND: &str = "
    amount balance_transaction charge created currency customer customer_account description
    destination_details failure_balance_transaction failure_reason id instructions_email metadata
    next_action object payment_intent payment_method pending_reason presentment_details reason
    receipt_number source_transfer_reversal status transfer_reversal";
const CHARGE: &str = "
    amount amount_captured amount_refunded application application_fee application_fee_amount
    authorization_code balance_transaction billing_details calculated_statement_descriptor captured
    created currency customer description destination dispute disputed failure_balance_transaction
    failure_code failure_message fraud_details id invoice level3 livemode metadata object on_behalf_of
    order outcome paid payment_intent payment_method payment_method_details presentment_details
    radar_options receipt_email receipt_number receipt_url refunded refunds review shipping source
    source_transfer statement_descriptor statement_descriptor_suffix status transfer transfer_data
    transfer_group";
