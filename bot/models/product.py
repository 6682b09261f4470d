"""Products and the names that members use for them."""

from sqlmodel import Field, SQLModel


class Product(SQLModel, table=True):
    """One SKU; `price` is integer fen."""

    id: int | None = Field(default=None, primary_key=True)
    sku: str = Field(unique=True)
    name: str
    category: str = ""
    price: int | None = None


class ProductAlias(SQLModel, table=True):
    """Another name of a product."""

    __tablename__ = "product_alias"

    alias: str = Field(primary_key=True)
    product_id: int = Field(primary_key=True, foreign_key="product.id")
