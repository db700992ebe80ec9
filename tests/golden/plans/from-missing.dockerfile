FROM missing
