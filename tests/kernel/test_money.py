from decimal import Decimal

from marketplace.kernel.money import Money, convert

RATES = {"USD": Decimal(1), "EUR": Decimal("1.10"), "XOF": Decimal("0.001677")}


def test_conversion_goes_through_the_dollar_and_rounds_to_cents() -> None:
    assert convert(Money(Decimal("100.00"), "EUR"), "USD", RATES) == Money(Decimal("110.00"), "USD")
    assert convert(Money(Decimal("1.00"), "USD"), "XOF", RATES) == Money(Decimal("596.30"), "XOF")


def test_conversion_without_a_rate_is_none_not_a_guess() -> None:
    assert convert(Money(Decimal(5), "CHF"), "USD", RATES) is None
    assert convert(Money(Decimal(5), "USD"), "CHF", RATES) is None


def test_conversion_to_the_same_currency_needs_no_rate() -> None:
    money = Money(Decimal("5.01"), "CHF")
    assert convert(money, "CHF", {}) is money
