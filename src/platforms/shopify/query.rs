//! What is asked for, as GraphQL. A single node is asked for with the fields of the list, so that both come to the same rows.

/// A kind of node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Orders,
    Customers,
    Products,
}

/// Whose shop it is, and what the token opens.
pub const SHOP: &str = "query{ shop{ name myshopifyDomain currencyCode ianaTimezone } \
     currentAppInstallation{ accessScopes{ handle } } }";

const MONEY: &str = "{ shopMoney{ amount currencyCode } }";
const NEXT: &str = "pageInfo{ hasNextPage endCursor }";
const VISIT: &str = "{ landingPage referrerUrl utmParameters{ source medium campaign term content } }";

fn lines(arguments: &str) -> String {
    format!(
        "lineItems({arguments}){{ {NEXT} nodes{{ id sku quantity product{{ id }} variant{{ id }} \
         originalUnitPriceSet{MONEY} totalDiscountSet{MONEY} }} }}"
    )
}

fn variants(arguments: &str) -> String {
    format!(
        "variants({arguments}){{ {NEXT} nodes{{ id sku title price compareAtPrice \
         inventoryItem{{ unitCost{{ amount }} }} }} }}"
    )
}

/// What came back, and of what was paid for its delivery.
fn refunded(arguments: &str) -> String {
    format!("refundLineItems({arguments}){{ {NEXT} nodes{{ subtotalSet{MONEY} totalTaxSet{MONEY} }} }}")
}

/// The rest of what came back with one refund, as `node`.
pub fn refunded_rest() -> String {
    let part = refunded("first:100, after:$after");
    format!("query($id:ID!,$after:String){{ node: refund(id:$id){{ {part} }} }}")
}

impl Kind {
    /// By the name of its stream.
    pub fn of(stream: &str) -> Option<Self> {
        match stream {
            "orders" => Some(Self::Orders),
            "customers" => Some(Self::Customers),
            "products" => Some(Self::Products),
            _ => None,
        }
    }

    /// The stream, and the API's own name of the list.
    pub fn name(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Customers => "customers",
            Self::Products => "products",
        }
    }

    /// The API's own name of one of them, and its type in ids.
    pub fn one(self) -> (&'static str, &'static str) {
        match self {
            Self::Orders => ("order", "Order"),
            Self::Customers => ("customer", "Customer"),
            Self::Products => ("product", "Product"),
        }
    }

    fn fields(self) -> String {
        match self {
            Self::Orders => format!(
                "id name createdAt processedAt updatedAt cancelledAt test displayFinancialStatus displayFulfillmentStatus \
                 currencyCode sourceName taxesIncluded discountCodes paymentGatewayNames customer{{ id }} \
                 shippingAddress{{ city }} subtotalPriceSet{MONEY} totalDiscountsSet{MONEY} totalShippingPriceSet{MONEY} \
                 totalTaxSet{MONEY} shippingLines(first:3){{ nodes{{ taxLines{{ priceSet{MONEY} }} }} }} totalPriceSet{MONEY} totalRefundedSet{MONEY} \
                 customerJourneySummary{{ lastVisit{VISIT} }} \
                 refunds{{ id createdAt totalRefundedSet{MONEY} {} \
                 refundShippingLines(first:3){{ nodes{{ subtotalAmountSet{MONEY} taxAmountSet{MONEY} }} }} }} {}",
                refunded("first:20"),
                lines("first:20")
            ),
            Self::Customers => "id createdAt updatedAt numberOfOrders \
                 defaultEmailAddress{ emailAddress marketingState } defaultAddress{ city countryCodeV2 }"
                .to_owned(),
            Self::Products => format!("id title productType status updatedAt {}", variants("first:20")),
        }
    }

    /// Those that match `$q`, the one that changed last at the end.
    pub fn list(self) -> String {
        format!(
            "query($q:String!,$after:String,$first:Int!){{ {}(first:$first, after:$after, sortKey:UPDATED_AT, query:$q){{ \
             {NEXT} nodes{{ {} }} }} }}",
            self.name(),
            self.fields()
        )
    }

    /// The one of `$id`, as `node`.
    pub fn single(self) -> String {
        format!("query($id:ID!){{ node: {}(id:$id){{ {} }} }}", self.one().0, self.fields())
    }

    /// What comes in pages inside one node, and the query for the rest of it.
    pub fn inner(self) -> Option<(&'static str, String)> {
        let (name, part) = match self {
            Self::Orders => ("lineItems", lines("first:100, after:$after")),
            Self::Products => ("variants", variants("first:100, after:$after")),
            Self::Customers => return None,
        };
        Some((name, format!("query($id:ID!,$after:String){{ node: {}(id:$id){{ {part} }} }}", self.one().0)))
    }
}
