"""The inspectors' HTTP API and page: photos of an item come in, its verdict is kept and answered."""
