"""What every stored thing shares: ids, version, life-cycle columns, language maps, periods and money."""
