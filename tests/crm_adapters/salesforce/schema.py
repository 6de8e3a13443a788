"""The objects of the org: fields with their types, parents and children, as Salesforce's object reference has them."""


def field(kind, *, length=0, writable=True):
    return {"type": kind, "length": length, "updateable": writable}


def texts(*names):
    return {name: field("string", length=80) for name in names}


SYSTEM = {
    "Id": field("id", writable=False),
    "IsDeleted": field("boolean", writable=False),
    "CreatedDate": field("datetime", writable=False),
    "SystemModstamp": field("datetime", writable=False),
}
MERGED = {"MasterRecordId": field("reference", writable=False)}
CODE = {"CurrencyIsoCode": field("picklist", length=3)}
CONTACT = texts("Email", "Phone", "FirstName", "LastName", "MailingCountry", "MailingState", "MailingCity")
CONTACT |= texts("MailingPostalCode", "MailingStreet", "Lead_Source__c")
CONTACT |= {"Birthdate": field("date"), "HasOptedOutOfEmail": field("boolean"), "AccountId": field("reference")}
CONTACT |= {"Segment__c": field("string", length=255), "Pick__c": field("string", length=255)}
CONTACT |= {"Picks__c": field("double"), "Since__c": field("datetime"), "Vip__c": field("boolean")}
CONTACT |= {"Tier__c": field("picklist", length=255), "Score__c": field("double", writable=False)}
LINE = {"Quantity": field("double"), "UnitPrice": field("currency"), "Product2Id": field("reference")}
PRODUCT = texts("Name", "ProductCode", "DisplayUrl", "Family", "Description")


def table(fields, parents=None, children=None):
    return {"fields": SYSTEM | fields, "parents": parents or {}, "children": children or {}}


SCHEMA = {
    "Organization": table(texts("Name") | {"IsSandbox": field("boolean")}),
    "Contact": table(CONTACT | MERGED, {"Account": ("AccountId", "Account")}),
    "Account": table(texts("Name", "PersonEmail") | {"IsPersonAccount": field("boolean")} | MERGED),
    "Product2": table(
        PRODUCT | CODE | {"IsActive": field("boolean")}, children={"PricebookEntries": ("PricebookEntry", "Product2Id")}
    ),
    "Pricebook2": table({"IsStandard": field("boolean")}),
    "PricebookEntry": table(
        LINE | CODE | {"Pricebook2Id": field("reference"), "IsActive": field("boolean")},
        {"Pricebook2": ("Pricebook2Id", "Pricebook2"), "Product2": ("Product2Id", "Product2")},
    ),
    "Order": table(
        texts("StatusCode", "Guest_Email__c")
        | CODE
        | {"BillToContactId": field("reference"), "EffectiveDate": field("date"), "Placed__c": field("datetime")},
        {"BillToContact": ("BillToContactId", "Contact")},
        {"OrderItems": ("OrderItem", "OrderId")},
    ),
    "OrderItem": table(LINE | {"OrderId": field("reference")}, {"Product2": ("Product2Id", "Product2")}),
    "Opportunity": table(
        texts("StageName")
        | CODE
        | {"ContactId": field("reference"), "CloseDate": field("date"), "IsWon": field("boolean")},
        {"Contact": ("ContactId", "Contact")},
        {"OpportunityLineItems": ("OpportunityLineItem", "OpportunityId")},
    ),
    "OpportunityLineItem": table(
        LINE | {"OpportunityId": field("reference")}, {"Product2": ("Product2Id", "Product2")}
    ),
}
