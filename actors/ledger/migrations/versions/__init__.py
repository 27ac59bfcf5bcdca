"""Steps of the schema. One that was released is never changed; a new one is added, and HEAD of schema.py names it."""
