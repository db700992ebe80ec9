FROM alpin
